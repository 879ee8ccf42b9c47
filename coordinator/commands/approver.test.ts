import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fingerprintOf } from '@hansa/shared/crypto';
import { systemRandom } from '@hansa/shared/random';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initApprover, readApprover } from './approver.ts';
import { createOutput } from './output.ts';

describe("the approver's key", () => {
  let folder: string;
  let said: string;
  const init = (file: string) => {
    said = '';
    const output = createOutput(
      true,
      (text) => {
        said += text;
      },
      () => undefined,
    );
    return initApprover(file, systemRandom, output);
  };
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'hansa-approver-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is written for its owner alone and read back; what is said of it is its fingerprint', async () => {
    const file = path.join(folder, 'approver.json');
    await init(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(said)).toEqual({ file, fingerprint: fingerprintOf(readApprover(file).publicKey) });
    expect(said).not.toContain(JSON.parse(readFileSync(file, 'utf8')).secretKey);
  });

  it('is written over nothing, and not beside a coordinator', async () => {
    const file = path.join(folder, 'approver.json');
    await init(file);
    const before = readFileSync(file);
    await expect(init(file)).rejects.toMatchObject({ code: 'InvalidArgument' });
    expect(readFileSync(file)).toEqual(before);
    writeFileSync(path.join(folder, 'identity.key'), 'key');
    await expect(init(path.join(folder, 'other.json'))).rejects.toMatchObject({ code: 'InvalidArgument' });
    await expect(init(path.join(folder, 'nowhere', 'a.json'))).rejects.toMatchObject({ code: 'DataFolderUnusable' });
  });

  it('is refused by name where it is missing, damaged or open to others, and never shown', async () => {
    const file = path.join(folder, 'approver.json');
    expect(() => readApprover(file)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }));
    await init(file);
    const text = readFileSync(file, 'utf8');
    chmodSync(file, 0o644);
    expect(() => readApprover(file)).toThrow(expect.objectContaining({ code: 'DataFolderUnusable' }));
    chmodSync(file, 0o600);
    for (const damaged of [
      text.slice(0, -4),
      text.replace('approver', 'node'),
      text.replace('"secretKey":"', '"secretKey":"A'),
    ]) {
      writeFileSync(file, damaged);
      expect(() => readApprover(file)).toThrow(
        expect.objectContaining({ code: 'InvalidArgument', message: expect.stringMatching(/holds no approver's key/) }),
      );
    }
  });
});
