import { describe, expect, it } from 'vitest';
import { seededRandom } from '../random/index.ts';
import { sha256 } from './hash.ts';
import { IdentityKey, newIdentitySeed } from './identityKey.ts';
import { verifyEd25519, verifyLabelled } from './signatures.ts';

describe('labelled signatures', () => {
  const key = new IdentityKey(newIdentitySeed(seededRandom('signer')));
  const message = Buffer.from('a sum of five');
  const signature = key.sign('m4', message);

  it('hold for their own label, message and key alone', () => {
    expect(verifyLabelled(key.publicKey, 'm4', message, signature)).toBe(true);
    expect(verifyLabelled(key.publicKey, 'u3', message, signature)).toBe(false);
    expect(verifyLabelled(key.publicKey, 'm4', Buffer.from('a sum of four'), signature)).toBe(false);
    const other = new IdentityKey(newIdentitySeed(seededRandom('other')));
    expect(verifyLabelled(other.publicKey, 'm4', message, signature)).toBe(false);
  });

  it('are over "hansa/SA-1/label", a zero byte and the hash', () => {
    const signed = Buffer.concat([Buffer.from('hansa/SA-1/m4\0'), sha256(message)]);
    expect(verifyEd25519(key.publicKey, signed, signature)).toBe(true);
  });

  it('are false, not an error, where something is malformed', () => {
    expect(verifyLabelled(key.publicKey, 'm4', message, signature.subarray(1))).toBe(false);
    expect(verifyLabelled(key.publicKey.subarray(1), 'm4', message, signature)).toBe(false);
    expect(verifyLabelled(new Uint8Array(32), 'm4', message, signature)).toBe(false);
  });
});
