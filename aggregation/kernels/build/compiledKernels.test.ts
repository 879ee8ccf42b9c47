import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { simdKernels } from '../simdKernels.ts';
import { compiledKernels } from './compiledKernels.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-kernels-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const cache = (name = 'cache/') => new URL(name, `${pathToFileURL(folder).href}/`);
const files = () => readdirSync(cache());

describe('the compiled kernels', () => {
  it('are kept once, whole, and the same however often they are compiled', () => {
    const first = compiledKernels(cache());
    expect(simdKernels(first)?.(0).kind).toBe('simd');
    expect(files()).toHaveLength(1);
    const kept = new URL(files()[0]!, cache());
    const bytes = readFileSync(kept);
    expect(compiledKernels(cache())).toEqual(first);
    writeFileSync(kept, Buffer.from(bytes).fill(7, 40, 50));
    expect(compiledKernels(cache())).toEqual(first);
    expect(readFileSync(kept)).toEqual(bytes);
  });

  it('come to several processes that begin at once', async () => {
    const script = `const { compiledKernels } = await import(${JSON.stringify(new URL('./compiledKernels.ts', import.meta.url).href)});
      process.stdout.write(compiledKernels(new URL(${JSON.stringify(cache().href)})));`;
    const run = () =>
      promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
        encoding: 'buffer',
      });
    const [first, second] = await Promise.all([run(), run()]);
    expect(simdKernels(Uint8Array.from(first.stdout))?.(0).kind).toBe('simd');
    expect(second.stdout).toEqual(first.stdout);
    expect(files()).toHaveLength(1);
  });

  it('are compiled in memory where nothing can be kept', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(simdKernels(compiledKernels(cache('file/cache/')))?.(0).kind).toBe('simd');
  });
});
