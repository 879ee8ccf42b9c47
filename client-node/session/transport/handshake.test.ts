import { IdentityKey, SecretBytes, verifyLabelled } from '@hansa/shared/crypto';
import { httpSignatureHeaders } from '@hansa/shared/protocol';
import { enc } from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import { describe, expect, it } from 'vitest';
import { Handshake } from './handshake.ts';

const random = seededRandom('handshake');
const keyOf = () => new IdentityKey(new SecretBytes(random.bytes(32)));
const coordinator = keyOf();
const key = keyOf();
const federation = '6f0c1d0e-1111-4222-8333-444455556666';
const clientId = '7f0c1d0e-1111-4222-8333-444455556666';
const approvals = { by: 'members' as const };
const identity = { federation, clientId, coordinatorPublicKey: coordinator.publicKey, approvals, key };

const challengeFor = (
  handshake: Handshake,
  signer = coordinator,
  change: { federation?: string; label?: 'hello' } = {},
) => {
  const sessionId = random.bytes(32);
  const signed = enc(federation, clientId, handshake.hello.clientNonce, sessionId);
  const signature = signer.sign(change.label ?? 'challenge', signed);
  return { federation: change.federation ?? federation, sessionId, signature };
};

describe('Handshake', () => {
  it('answers the pinned coordinator, with a signature for this coordinator, session and nonce alone', () => {
    const handshake = new Handshake(identity, random);
    const challenge = challengeFor(handshake);
    const { signature } = handshake.answer(challenge);
    const { clientNonce } = handshake.hello;
    const signed = (publicKey: Uint8Array, nonce: Uint8Array) =>
      enc(federation, publicKey, clientId, nonce, challenge.sessionId);
    expect(verifyLabelled(key.publicKey, 'hello', signed(coordinator.publicKey, clientNonce), signature)).toBe(true);
    expect(verifyLabelled(key.publicKey, 'hello', signed(key.publicKey, clientNonce), signature)).toBe(false);
    expect(verifyLabelled(key.publicKey, 'hello', signed(coordinator.publicKey, random.bytes(32)), signature)).toBe(
      false,
    );
  });

  it('draws a fresh nonce for every connection', () => {
    expect(new Handshake(identity, random).hello.clientNonce).not.toEqual(
      new Handshake(identity, random).hello.clientNonce,
    );
  });

  it.each([
    ['another key', (handshake: Handshake) => challengeFor(handshake, keyOf())],
    ['another federation', (handshake: Handshake) => challengeFor(handshake, coordinator, { federation: clientId })],
    ['another label', (handshake: Handshake) => challengeFor(handshake, coordinator, { label: 'hello' })],
    ['a challenge that was made for another nonce', () => challengeFor(new Handshake(identity, random))],
  ])('signs nothing for %s', (_what, challengeOf) => {
    const handshake = new Handshake(identity, random);
    expect(() => handshake.answer(challengeOf(handshake))).toThrow(
      expect.objectContaining({ code: 'WrongCoordinatorKey', exitStatus: 2 }),
    );
  });

  it('signs every request for itself', () => {
    const handshake = new Handshake(identity, random);
    const challenge = challengeFor(handshake);
    const { session } = handshake.answer(challenge);
    for (const counter of ['1', '2']) {
      const headers = session.sign('GET', '/v1/blobs/x');
      expect(headers[httpSignatureHeaders.counter]).toBe(counter);
      const signed = enc(federation, challenge.sessionId, counter, 'GET', '/v1/blobs/x');
      const signature = Buffer.from(headers[httpSignatureHeaders.signature] ?? '', 'base64url');
      expect(verifyLabelled(key.publicKey, 'http', signed, signature)).toBe(true);
    }
  });
});
