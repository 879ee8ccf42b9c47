import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { simdKernels } from '../simdKernels.ts';
import { compiledKernels, compiledModule } from './compiledKernels.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-kernels-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const cache = (name = 'cache/') => new URL(name, `${pathToFileURL(folder).href}/`);
const files = () => (existsSync(cache()) ? readdirSync(cache()) : []);

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

  it('are done without, with a warning that says how it ended, where their compiler fails', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    const broken = new URL('broken.ts', cache(''));
    writeFileSync(broken, 'export function f(): i32 { return nothing; }\n');
    expect(compiledModule({ source: broken, flags: [], without: 'all is slow' }, cache())).toBeUndefined();
    expect(warn.mock.calls[0]![0]).toMatch(/compiler failed \(it exited with status 1: .*nothing.*\): all is slow/s);
    vi.stubEnv('NODE_OPTIONS', '--max-old-space-size=1');
    expect(compiledKernels(cache())).toBeUndefined();
    expect(warn.mock.calls[1]![0]).toMatch(/compiler failed \(it was ended by SIG.*\): masks are expanded/s);
    expect(files()).toEqual([]);
  });
});
