import { createHash } from 'node:crypto';
import { decodeMessage, type MessageOf, roundHash, survivorsBytes } from '@hansa/shared/protocol/secagg';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { ClientState } from './client/types.ts';
import { bitsOf } from './cohortView.ts';
import { ReducerLeague } from './testing/reducerLeague.ts';
import { type DropPoint, dropPoints } from './testing/simulatedNode.ts';

// Signatures, key agreement and boxes of hundreds of members take minutes: here they are hashes, which keep every equation of the protocol and no
// secret. Sharing, key derivation and masks are the real ones.
vi.mock('@hansa/shared/crypto', async (original) => {
  const real = await original<typeof import('@hansa/shared/crypto')>();
  const hash = (...parts: readonly (string | Uint8Array)[]): Uint8Array => {
    const digest = createHash('sha256');
    for (const part of parts) digest.update(part);
    return new Uint8Array(digest.digest());
  };
  const publicKey = (secret: { expose(): Uint8Array }): Uint8Array => hash('public', secret.expose());
  const sign = (key: Uint8Array, label: string, message: Uint8Array): Uint8Array => {
    const half = hash('signature', key, label, message);
    return new Uint8Array([...half, ...half]);
  };
  class IdentityKey {
    readonly publicKey: Uint8Array;
    constructor(seed: { expose(): Uint8Array }) {
      this.publicKey = publicKey(seed);
    }
    sign(label: string, message: Uint8Array): Uint8Array {
      return sign(this.publicKey, label, message);
    }
  }
  const agree = (secret: { expose(): Uint8Array }, other: Uint8Array) =>
    new real.SecretBytes(hash('agree', ...[publicKey(secret), other].sort(Buffer.compare)));
  const tag = (key: { expose(): Uint8Array }, nonce: Uint8Array, plain: Uint8Array, associated: Uint8Array) =>
    hash('box', key.expose(), nonce, plain, associated).subarray(0, 16);
  return {
    ...real,
    IdentityKey,
    verifyLabelled: (key: Uint8Array, label: string, message: Uint8Array, signature: Uint8Array): boolean =>
      Buffer.from(sign(key, label, message)).equals(signature),
    agreementKeyPair: (random: { bytes(count: number): Uint8Array }) => {
      const secretKey = new real.SecretBytes(random.bytes(32));
      return { secretKey, publicKey: publicKey(secretKey) };
    },
    agreementPublicKey: publicKey,
    isUsableAgreementKey: () => true,
    agree,
    importAgreementKey: (other: Uint8Array) => other,
    agreeWithAll: (secret: { expose(): Uint8Array }, others: readonly Uint8Array[]) =>
      others.map((other) => agree(secret, other)),
    seal: (key: never, nonce: Uint8Array, plain: Uint8Array, associated: Uint8Array) =>
      new Uint8Array([...plain, ...tag(key, nonce, plain, associated)]),
    unseal: (key: never, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array) => {
      const plain = sealed.slice(0, -16);
      return tag(key, nonce, plain, associated).every((byte, at) => byte === sealed.at(at - 16)) ? plain : undefined;
    },
  };
});

describe('large cohorts, simulated', () => {
  it('give the exact sum or a named abort', () => {
    const ends = new Map<string, number>();
    fc.assert(
      fc.property(
        fc.integer({ min: 41, max: 300 }).chain((size) =>
          fc.record({
            size: fc.constant(size),
            rule:
              size > 128 ? fc.constant('k-out-40-20' as const) : fc.constantFrom('complete-two-thirds', 'k-out-40-20'),
            nodes: fc.uniqueArray(fc.nat(size - 1), { maxLength: Math.ceil(size / 7) }),
            at: fc.array(fc.constantFrom(...dropPoints), { minLength: 1, maxLength: 20 }),
          }),
        ),
        fc.integer(),
        ({ size, rule, nodes, at }, seed) => {
          const config = { rule, gammaPermille: 50, deltaPermille: 100, vectorLength: 2 };
          const league = new ReducerLeague({ size, seed, config });
          league.fates = new Map(
            nodes.map((node, place): [number, DropPoint] => [ReducerLeague.indexOf(node), at[place % at.length]!]),
          );
          league.open();
          while (league.server.phase !== 'unmasking' && league.server.phase !== 'abandoned') {
            if (league.server.phase === 'ready') league.startRound();
            else league.exchange();
          }
          const end = league.server.phase === 'abandoned' ? league.server.code : 'exact';
          ends.set(end, (ends.get(end) ?? 0) + 1);
          if (league.server.phase === 'abandoned') {
            expect(['TooFewSurvivors', 'NoQuorum', 'TooFewShares']).toContain(end);
            expect(league.plan).toBeUndefined();
          } else expect(league.openedWords(league.plan!)).toEqual(league.exactSum(league.plan!.survivors));
        },
      ),
      // The first two are the largest there are, without drop-outs and with a few.
      {
        numRuns: 5,
        seed: 21,
        examples: [
          [{ size: 300, rule: 'k-out-40-20', nodes: [], at: ['vector'] }, 1],
          [{ size: 300, rule: 'k-out-40-20', nodes: [3, 77, 150, 299], at: ['vector', 'signSurvivors'] }, 2],
        ],
      },
    );
    expect(ends.get('exact')).toBeGreaterThan(3);
  });

  it('refuse a U2 or a U3 that leaves a node too few of its holders, although it is large enough', () => {
    const config = { rule: 'k-out-40-20', gammaPermille: 100, deltaPermille: 100, vectorLength: 2 } as const;
    const league = new ReducerLeague({ size: 200, seed: 'chosen deaths', config }).open();
    const [victim] = league.nodes.values();
    const until = <Name extends 'startRound' | 'survivors'>(name: Name): MessageOf<Name> => {
      for (;;) {
        const entry = league.toNodes.find((one) => one.name === name && one.to === victim!.index);
        if (entry !== undefined) return decodeMessage(name, JSON.parse(entry.wire));
        if (league.server.phase === 'ready') league.startRound();
        else league.exchange();
      }
    };
    const m3 = until('startRound');
    const { cohort, holders, setup } = victim!.state as Extract<ClientState, { phase: 'acknowledged' }>;
    const { threshold, minSurvivors } = cohort.thresholds;
    const dead = new Set([...holders].slice(0, holders.size - threshold + 1));
    const left = cohort.order.filter((member) => !dead.has(member));
    expect(left.length).toBeGreaterThanOrEqual(minSurvivors);
    const bits = bitsOf(cohort, left);
    const tooFew = expect.objectContaining({
      code: 'TooFewSurvivors',
      message: expect.stringContaining(`${threshold - 1} holders`),
    });
    const binding = { ...m3, cohortHash: cohort.hash, configHash: setup.configHash, sharers: bits };
    const round = league.coordinator.sign('round', roundHash(binding));
    expect(() => league.deliver(victim!, 'startRound', { ...m3, sharers: bits, signature: round })).toThrow(tooFew);
    const m4 = until('survivors');
    const u3 = league.coordinator.sign('u3', survivorsBytes(m4.roundHash, bits));
    expect(() => league.deliver(victim!, 'survivors', { ...m4, survivors: bits, signature: u3 })).toThrow(tooFew);
  });
});
