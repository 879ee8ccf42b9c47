import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nativePackageFolder } from '../../engines/engine.ts';
import { installNative } from './installNative.ts';

const packageFolder = nativePackageFolder('tfjs-node');

/** It stays: who removes a lock takes it from whoever waits for it. */
const lockName = '.hansa-native.lock';
/** Everything in the package's folder and beside it, but not deeper. */
const around = () => [
  readdirSync(packageFolder!).filter((name) => name !== lockName),
  readdirSync(path.join(packageFolder!, '..')),
];

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
  prove: () => Promise.reject(new RangeError('there is nothing to prove')),
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

  it('because the library cannot be read names what cannot, and leaves everything as it was', async () => {
    const from = path.join(folder, 'broken');
    mkdirSync(path.join(from, 'include/tensorflow/c'), { recursive: true });
    writeFileSync(path.join(from, 'include/tensorflow/c/c_api.h'), '');
    symlinkSync('nowhere', path.join(from, 'include/dangling.h'));
    for (const name of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'])
      writeFileSync(path.join(from, name), '');
    const before = around();
    await expect(installNative({ ...options, from })).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringMatching(/dangling\.h cannot be copied \(ENOENT\)/),
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

  it('because the library does not fit leaves everything as it was', async () => {
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
  `a native install that gets as far as a library${compiles ? '' : ' (skipped: there is no C++ compiler)'}`,
  () => {
    let root: string;
    let from: string;
    let engineFolder: string;
    beforeEach(() => {
      root = mkdtempSync(path.join(tmpdir(), 'hansa-native-built-'));
      from = path.join(root, 'from');
      engineFolder = path.join(root, 'node_modules/@tensorflow/tfjs-node');
    });
    afterEach(() => rmSync(root, { recursive: true }));

    /** Files by their paths below a folder. */
    const write = (below: string, files: Record<string, string>) => {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(path.join(below, path.dirname(name)), { recursive: true });
        writeFileSync(path.join(below, name), content);
      }
    };

    const formerParts = {
      'deps/lib/libtensorflow.so.1': 'what was there before',
      'lib/napi-v5/tfjs_binding.node': 'what was there before',
    };

    /** Libraries with one function and an add-on that calls it stand for a gigabyte of TensorFlow; all else is as it will be. */
    function makeLibrary(place: string): void {
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
        const { status } = spawnSync(options.compiler, [...parameters, '-o', path.join(place, library)], { cwd: from });
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
      });
    }

    const addOn = () => path.join(engineFolder, 'lib/napi-v8/tfjs_binding.node');
    /** The version of TensorFlow that the installed add-on tells. */
    const version = () =>
      spawnSync(process.execPath, [
        '-e',
        'process.stdout.write(require(process.argv[1]).TF_Version)',
        addOn(),
      ]).stdout.toString();
    /** Every file of the package and its content, but for the lock. */
    const contents = () =>
      Object.fromEntries(
        readdirSync(engineFolder, { recursive: true, encoding: 'utf8' })
          .filter((name) => name !== lockName && statSync(path.join(engineFolder, name)).isFile())
          .sort()
          .map((name) => [name, readFileSync(path.join(engineFolder, name), 'latin1')]),
      );

    it.each(['', 'lib'])(
      'takes a library from "%s" of a folder, and what was there before goes once the engine has proved itself',
      async (place) => {
        makeLibrary(place);
        write(engineFolder, formerParts);
        const told: string[] = [];
        const installed = await installNative({
          ...options,
          from,
          packageFolder: engineFolder,
          onProgress: (doing) => told.push(doing),
          prove: async (engine) => {
            expect(version()).toBe('9.8.7');
            for (const [name, content] of Object.entries(formerParts))
              expect(readFileSync(path.join(engineFolder, '.hansa-native/before', name), 'utf8')).toBe(content);
            return `${engine} computes`;
          },
        });
        expect(installed).toEqual({
          engine: 'tfjs-node',
          tensorflow: '9.8.7',
          folder: engineFolder,
          proof: 'tfjs-node computes',
        });
        expect(told).toEqual(['compiling the add-on']);
        expect(readdirSync(path.join(engineFolder, '..'))).toEqual(['tfjs-node']);
        expect(Object.keys(contents())).toEqual([
          'binding/binding.cc',
          'deps/lib/libtensorflow_cc.so.2',
          'deps/lib/libtensorflow_framework.so.2',
          'lib/napi-v8/tfjs_binding.node',
        ]);
        // The add-on finds its library by its own place, whatever became of the folder it was built from.
        rmSync(from, { recursive: true });
        expect(version()).toBe('9.8.7');
      },
    );

    it.each([
      ['something', formerParts],
      ['nothing', {}],
    ])('has %s there before, and that again where the engine computes wrongly', async (_, parts) => {
      makeLibrary('');
      write(engineFolder, parts);
      const before = contents();
      const prove = async () => {
        expect(version()).toBe('9.8.7');
        throw new HansaError('EngineUnusable', 'it computes a wrong gradient');
      };
      await expect(installNative({ ...options, from, packageFolder: engineFolder, prove })).rejects.toMatchObject({
        code: 'EngineUnusable',
        message: expect.stringMatching(/wrong gradient.*as it was before/),
      });
      expect(contents()).toEqual(before);
    });

    it('stops copying when told to', async () => {
      makeLibrary('');
      const told: string[] = [];
      const stopped = installNative({
        ...options,
        from,
        packageFolder: engineFolder,
        signal: AbortSignal.abort(new Error('enough')),
        onProgress: (doing) => told.push(doing),
      });
      await expect(stopped).rejects.toThrow('enough');
      expect(told).toEqual([]);
    });

    it('is put right by the next one when it was killed, and alone until then', async () => {
      makeLibrary('');
      write(engineFolder, formerParts);
      const before = contents();
      const script = path.join(root, 'install.mts');
      const module = new URL('./installNative.ts', import.meta.url).href;
      const given = {
        variant: 'cpu',
        index: options.index,
        compiler: options.compiler,
        from,
        packageFolder: engineFolder,
      };
      writeFileSync(
        script,
        `import { installNative } from ${JSON.stringify(module)};
        await installNative({
          ...${JSON.stringify(given)},
          signal: new AbortController().signal,
          onProgress: () => undefined,
          prove: () => new Promise(() => { process.send('proving'); setInterval(() => undefined, 1e6); }),
        });`,
      );
      const child = fork(script, { execArgv: ['--import', import.meta.resolve('tsx')] });
      try {
        const [first] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
        expect(first).toBe('proving');
        expect(version()).toBe('9.8.7');
        const another = installNative({ ...options, from, packageFolder: engineFolder });
        await expect(another).rejects.toMatchObject({
          code: 'DataFolderInUse',
          message: expect.stringContaining('Another native install is at work'),
        });
        expect(version()).toBe('9.8.7');
      } finally {
        const gone = once(child, 'exit');
        if (child.kill('SIGKILL')) await gone;
      }
      const next = installNative({ ...options, from: path.join(root, 'nowhere'), packageFolder: engineFolder });
      await expect(next).rejects.toMatchObject({ code: 'NotFound' });
      expect(contents()).toEqual(before);
    });
  },
);
