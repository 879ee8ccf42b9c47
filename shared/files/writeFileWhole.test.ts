import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFileWhole } from './writeFileWhole.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-files-'));
  path = join(folder, 'file');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('writeFileWhole', () => {
  it('writes texts and bytes in their order, with the mode it is given, in place of what was there', async () => {
    writeFileSync(path, 'before, and longer than what comes');
    async function* pieces() {
      yield 'ä';
      yield Uint8Array.of(0, 255);
      yield 'b';
    }
    await writeFileWhole(path, pieces(), 0o600);
    expect([...readFileSync(path)]).toEqual([0xc3, 0xa4, 0, 255, 0x62]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await writeFileWhole(path, [], 0o600);
    expect(readFileSync(path)).toHaveLength(0);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('leaves what was there, and nothing beside it, where the pieces throw', async () => {
    writeFileSync(path, 'before');
    function* broken() {
      yield 'half';
      throw new RangeError('no more');
    }
    await expect(writeFileWhole(path, broken(), 0o600)).rejects.toThrow('no more');
    expect(readFileSync(path, 'utf8')).toBe('before');
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('leaves nothing where the name cannot be taken, and says why', async () => {
    mkdirSync(join(path, 'inside'), { recursive: true });
    await expect(writeFileWhole(path, ['text'], 0o600)).rejects.toMatchObject({ syscall: 'rename' });
    expect(readdirSync(folder)).toEqual(['file']);
    await expect(writeFileWhole(join(folder, 'absent', 'file'), ['text'], 0o600)).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'open',
    });
  });
});
