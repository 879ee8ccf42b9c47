import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { HansaError } from '@hansa/shared/errors';

const require = createRequire(import.meta.url);

/** The version of Node-API that the add-on asks for, the newest that TensorFlow.js names: Node 20 and everything newer have it. */
export const napiVersion = 8;
/** Where TensorFlow.js looks for the add-on, from its package's folder. */
export const addOnFile = `lib/napi-v${napiVersion}/tfjs_binding.node`;
/** Where libtensorflow lies, from its package's folder: the add-on finds it there by its own place. */
export const libraryFolder = 'deps/lib';
export const includeFolder = 'deps/include';
/** The libraries that the add-on is linked against, as the wheels of Linux name them. */
export const libraries: readonly string[] = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

const CALL_TIMEOUT_MS = 600_000;

/**
 * Compiles TensorFlow.js's add-on from the sources that its package brings, against the libtensorflow in `folder`.
 *
 * The compiler is called as it is, without node-gyp: two source files, and of Node's headers only those of Node-API, which npm's node-api-headers
 * has. What comes out runs on every version of Node.
 *
 * @param packageFolder of @tensorflow/tfjs-node or -gpu
 * @param compiler a C++ compiler that takes GCC's options
 * @param folder has {@link libraryFolder} and {@link includeFolder}; gets {@link addOnFile}
 * @throws HansaError ProcessFailed (with the compiler's first error)
 */
export async function compileAddOn(
  packageFolder: string,
  folder: string,
  compiler: string,
  signal: AbortSignal,
): Promise<void> {
  const sources = path.join(packageFolder, 'binding');
  const target = path.join(folder, addOnFile);
  await mkdir(path.dirname(target), { recursive: true });
  const { include_dir: nodeHeaders } = require('node-api-headers') as { include_dir: string };
  const parameters = [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-fvisibility=hidden', '-w'],
    `-DNAPI_VERSION=${napiVersion}`,
    `-DNODE_GYP_MODULE_NAME=tfjs_binding`,
    ...['-I', nodeHeaders, '-I', path.join(folder, includeFolder), '-I', path.join(packageFolder, '..')],
    ...readdirSync(sources)
      .filter((file) => file.endsWith('.cc'))
      .sort()
      .map((file) => path.join(sources, file)),
    ...['-L', path.join(folder, libraryFolder), ...libraries.map((name) => `-l:${name}`)],
    // From lib/napi-v8/ to deps/lib/.
    ...['-Wl,-rpath,$ORIGIN/../../deps/lib', '-Wl,--no-as-needed', '-o', target],
  ];
  await promisify(execFile)(compiler, parameters, { signal, timeout: CALL_TIMEOUT_MS, maxBuffer: 2 ** 24 }).catch(
    (error: NodeJS.ErrnoException & { stderr?: string }) => {
      signal.throwIfAborted();
      if (error.code === 'ENOENT') {
        throw new HansaError(
          'ProcessFailed',
          `There is no C++ compiler "${compiler}". Install one (Debian and Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++) or name yours with --compiler.`,
        );
      }
      const said = error.stderr?.split('\n').find((line) => /error|cannot find/i.test(line)) ?? error.message;
      throw new HansaError('ProcessFailed', `The add-on could not be compiled: ${said.trim().slice(0, 500)}`);
    },
  );
}

/**
 * Loads a compiled add-on in a process of its own: a library that does not fit ends that one.
 *
 * @returns the version of TensorFlow that it reports
 * @throws HansaError EngineUnusable (with the loader's words)
 */
export async function loadAddOn(folder: string, signal: AbortSignal): Promise<string> {
  const script = 'process.stdout.write(String(require(process.argv[1]).TF_Version))';
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, path.join(folder, addOnFile)], {
    signal,
    timeout: CALL_TIMEOUT_MS,
  }).catch((error: Error & { stderr?: string }) => {
    signal.throwIfAborted();
    const said = error.stderr?.split('\n').find((line) => /Error|terminate|undefined symbol/.test(line));
    throw new HansaError(
      'EngineUnusable',
      `The add-on was built but does not load: ${(said ?? error.message).trim().slice(0, 500)}`,
    );
  });
  return stdout.trim();
}
