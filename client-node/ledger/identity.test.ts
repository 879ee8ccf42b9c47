import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newIdentitySeed, verifyLabelled } from '@hansa/shared/crypto';
import { seededRandom } from '@hansa/shared/random';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isEnrolled, readIdentity, writeIdentity } from './identity.ts';

describe('the identity file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-identity-'));
    path = join(folder, 'identity.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const facts = () => ({
    federation: '6f0c1d0e-1111-4222-8333-444455556666',
    clientId: '7f0c1d0e-1111-4222-8333-444455556666',
    coordinatorPublicKey: new Uint8Array(32).fill(9),
    approvals: { by: 'consortium' as const, approverKey: new Uint8Array(32).fill(8) },
    seed: newIdentitySeed(seededRandom('identity')),
  });

  it('is written whole, for its owner alone, and read back with a key that signs', async () => {
    await writeIdentity(path, facts());
    expect(readdirSync(folder)).toEqual(['identity.json']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const identity = readIdentity(path);
    const { seed: _, ...pinned } = facts();
    expect(identity).toMatchObject(pinned);
    const message = new Uint8Array([1, 2, 3]);
    expect(verifyLabelled(identity.key.publicKey, 'hello', message, identity.key.sign('hello', message))).toBe(true);
  });

  it('is missed by name', () => {
    expect(isEnrolled(path)).toBe(false);
    expect(() => readIdentity(path)).toThrow(expect.objectContaining({ code: 'NotEnrolled', exitStatus: 2 }));
  });

  it('never shows its secret in an error, however it is damaged', async () => {
    await writeIdentity(path, facts());
    const text = readFileSync(path, 'utf8');
    const secret = (JSON.parse(text) as { secretKey: string }).secretKey;
    for (const damaged of [
      text.slice(0, -3),
      text.replace('"secretKey"', '"secretKe"'),
      text.replace(secret, `${secret}A`),
    ]) {
      writeFileSync(path, damaged);
      let shown = '';
      try {
        readIdentity(path);
      } catch (error) {
        shown = `${(error as Error).message} ${JSON.stringify(error)} ${(error as Error).stack}`;
      }
      expect(shown).not.toBe('');
      expect(shown).not.toContain(secret.slice(0, 12));
    }
  });
});
