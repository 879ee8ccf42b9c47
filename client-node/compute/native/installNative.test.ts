import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nativePackageFolder } from '../../engines/engine.ts';
import { installNative } from './installNative.ts';

const packageFolder = nativePackageFolder('tfjs-node');

/** Everything in the package's folder and beside it, but not deeper. */
const around = () => [readdirSync(packageFolder!), readdirSync(path.join(packageFolder!, '..'))];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hansa-native-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const options = {
  variant: 'cpu' as const,
  index: 'http://127.0.0.1:1/simple/',
  compiler: 'c++',
  signal: new AbortController().signal,
  onProgress: () => undefined,
};

describe.skipIf(process.platform !== 'linux' || packageFolder === undefined)('a native install that fails', () => {
  it('for want of a library leaves everything as it was', async () => {
    const before = around();
    await expect(installNative({ ...options, from: folder })).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringContaining('holds no libtensorflow'),
    });
    expect(around()).toEqual(before);
  });

  it('for want of an index leaves everything as it was', async () => {
    const before = around();
    await expect(installNative({ ...options, from: undefined })).rejects.toMatchObject({
      code: expect.stringMatching(/Unavailable|EngineUnusable/),
    });
    expect(around()).toEqual(before);
  });

  it('because the library does not fit leaves everything as it was', { timeout: 60_000 }, async () => {
    mkdirSync(path.join(folder, 'include/tensorflow/c'), { recursive: true });
    writeFileSync(path.join(folder, 'include/tensorflow/c/c_api.h'), '#error not TensorFlow\n');
    for (const name of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'])
      writeFileSync(path.join(folder, name), 'no library');
    const before = around();
    await expect(installNative({ ...options, from: folder })).rejects.toMatchObject({
      code: 'ProcessFailed',
      message: expect.stringMatching(/could not be compiled|no C\+\+ compiler/),
    });
    expect(around()).toEqual(before);
    const noCompiler = installNative({ ...options, from: folder, compiler: 'no-such-compiler' });
    await expect(noCompiler).rejects.toMatchObject({ message: expect.stringContaining('--compiler') });
    expect(around()).toEqual(before);
  });
});

const compiles = spawnSync(options.compiler, ['--version']).status === 0;

describe.skipIf(process.platform !== 'linux' || !compiles)(
  `a native install that succeeds${compiles ? '' : ' (skipped: there is no C++ compiler)'}`,
  () => {
    /** Files by their paths below `root`. */
    const write = (root: string, files: Record<string, string>) => {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(path.join(root, path.dirname(name)), { recursive: true });
        writeFileSync(path.join(root, name), content);
      }
    };

    it.each(['', 'lib'])(
      'takes a library from "%s" of a folder, and what was there before goes',
      { timeout: 60_000 },
      async (place) => {
        const root = mkdtempSync(path.join(tmpdir(), 'hansa-native-built-'));
        try {
          // Libraries with one function and an add-on that calls it stand for a gigabyte of TensorFlow; all else is as it will be.
          const from = path.join(root, 'from');
          const engineFolder = path.join(root, 'node_modules/@tensorflow/tfjs-node');
          write(from, {
            'include/tensorflow/c/c_api.h': 'extern "C" const char *TF_Version();\n',
            'version.cc': '#include "tensorflow/c/c_api.h"\nconst char *TF_Version() { return "9.8.7"; }\n',
            'framework.cc': '',
          });
          mkdirSync(path.join(from, place), { recursive: true });
          for (const [library, source] of [
            ['libtensorflow_cc.so.2', 'version.cc'],
            ['libtensorflow_framework.so.2', 'framework.cc'],
          ] as const) {
            const parameters = ['-shared', '-fPIC', '-I', 'include', source, `-Wl,-soname,${library}`];
            const { status } = spawnSync(options.compiler, [...parameters, '-o', path.join(place, library)], {
              cwd: from,
            });
            expect(status).toBe(0);
          }
          write(engineFolder, {
            'binding/binding.cc': `#include <node_api.h>
            #include "tensorflow/c/c_api.h"
            static napi_value start(napi_env env, napi_value exports) {
              napi_value version;
              napi_create_string_utf8(env, TF_Version(), NAPI_AUTO_LENGTH, &version);
              napi_set_named_property(env, exports, "TF_Version", version);
              return exports;
            }
            NAPI_MODULE(tfjs_binding, start)
          `,
            'deps/lib/libtensorflow.so.1': 'what was there before',
            'lib/napi-v5/tfjs_binding.node': 'what was there before',
          });
          const told: string[] = [];
          const installed = await installNative({
            ...options,
            from,
            packageFolder: engineFolder,
            onProgress: (doing) => told.push(doing),
          });
          expect(installed).toEqual({ engine: 'tfjs-node', tensorflow: '9.8.7', folder: engineFolder });
          expect(told).toEqual(['compiling the add-on']);
          expect(readdirSync(path.join(engineFolder, '..'))).toEqual(['tfjs-node']);
          expect(readdirSync(engineFolder).sort()).toEqual(['binding', 'deps', 'lib']);
          expect(readdirSync(path.join(engineFolder, 'deps'))).toEqual(['lib']);
          expect(readdirSync(path.join(engineFolder, 'deps/lib')).sort()).toEqual([
            'libtensorflow_cc.so.2',
            'libtensorflow_framework.so.2',
          ]);
          expect(readdirSync(path.join(engineFolder, 'lib'))).toEqual(['napi-v8']);
          // The add-on finds its library by its own place, whatever became of the folder it was built from.
          rmSync(from, { recursive: true });
          const script = 'process.stdout.write(require(process.argv[1]).TF_Version)';
          const addOn = path.join(engineFolder, 'lib/napi-v8/tfjs_binding.node');
          expect(spawnSync(process.execPath, ['-e', script, addOn]).stdout.toString()).toBe('9.8.7');
        } finally {
          rmSync(root, { recursive: true });
        }
      },
    );
  },
);
