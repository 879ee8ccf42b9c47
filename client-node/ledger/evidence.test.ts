import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IdentityKey, SecretBytes } from '@hansa/shared/crypto';
import { cohortBytes, type Evidence } from '@hansa/shared/protocol/secagg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepEvidence, readEvidence } from './evidence.ts';

const key = new IdentityKey(new SecretBytes(new Uint8Array(32).fill(1)));
const statement = (hash: number) => {
  const bytes = cohortBytes(new Uint8Array(32), new Uint8Array(32).fill(hash));
  return { bytes, signature: key.sign('l1', bytes) };
};
const evidence: Evidence = { kind: 'cohort', signer: key.publicKey, first: statement(1), second: statement(2) };
const found = { foundAt: '2026-11-24T12:00:00.000Z', taskId: '7f0c1d0e-1111-4222-8333-444455556666', evidence };

describe('kept evidence', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-evidence-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is read as it was written, oldest first, one file for each piece, for its owner alone', async () => {
    const id = await keepEvidence(folder, found);
    expect(await keepEvidence(folder, { ...found, foundAt: '2027-01-01T00:00:00.000Z' })).toBe(id);
    const third = { ...evidence, second: statement(3) };
    await keepEvidence(folder, { ...found, foundAt: '2026-01-01T00:00:00.000Z', evidence: third });
    expect(readEvidence(folder)).toMatchObject([
      { evidence: third, holds: true },
      { id, ...found, holds: true },
    ]);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
  });

  it('that was altered is told apart, that is damaged is named', async () => {
    const path = join(folder, `${await keepEvidence(folder, found)}.json`);
    const file = JSON.parse(readFileSync(path, 'utf8'));
    file.evidence.second.signature = file.evidence.first.signature;
    writeFileSync(path, JSON.stringify(file));
    expect(readEvidence(folder)).toMatchObject([{ holds: false }]);
    writeFileSync(path, 'no JSON');
    expect(() => readEvidence(folder)).toThrow(expect.objectContaining({ code: 'LedgerCorrupt' }));
  });

  it('is none where there is no folder', () => {
    expect(readEvidence(join(folder, 'missing'))).toEqual([]);
  });
});
