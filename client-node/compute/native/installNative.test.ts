import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nativePackageFolder } from '../engine.ts';
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
