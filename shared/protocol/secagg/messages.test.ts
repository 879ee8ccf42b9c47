import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_COORDINATOR_MESSAGE_BYTES, MAX_NODE_MESSAGE_BYTES } from '../envelope.ts';
import type { Approval, ConsortiumApproval } from './approval.ts';
import { bitmapOf, positionsOf } from './bitmap.ts';
import type { SecAggConfig } from './config.ts';
import { enc, realBytes } from './enc.ts';
import { maxCohortSize, maxHolders, maxMemberApprovals, maxParts, maxRosterSize } from './limits.ts';
import {
  decodeMessage,
  encodeMessage,
  type MessageName,
  type MessageOf,
  messageHash,
  nodeMessages,
} from './messages.ts';
import { rosterHash } from './roster.ts';

const bytes = (length: number, fill = 0xff) => new Uint8Array(length).fill(fill);
const index = 0xffff_ffff;
const many = <Item>(count: number, item: Item): Item[] => Array(count).fill(item);
const sid = bytes(32);
const roundHash = bytes(32);
const signature = bytes(64);
const uuid = '00000000-0000-4000-8000-000000000000';

const config: SecAggConfig = {
  suite: 'SA-1',
  vectorLength: 2 ** 28,
  wordBits: 32,
  parts: Array.from({ length: maxParts }, (_, at) => ({
    name: `${'a'.repeat(30)}${at + 10}`,
    length: 2 ** 28 / maxParts,
    clipNorm: 1 / 3,
    scaleLog2: -20,
  })),
  maxCohort: maxCohortSize,
  grouped: true,
  weightMax: 16,
  weighting: 'buckets',
  tail: many(32, { name: 'a'.repeat(32), low: -1 / 3, high: 1 / 3, steps: 2 ** 31 - 1 }),
  dp: 'none',
  rule: 'complete-two-thirds',
  gammaPermille: 333,
  deltaPermille: 500,
  minCohort: maxCohortSize,
  minSurvivors: maxCohortSize,
  knownFloor: maxCohortSize,
  planHash: bytes(32),
  architectureHash: bytes(32),
};

/** Every message as large as it can be. */
const largest: { [Name in MessageName]: MessageOf<Name> } = {
  roster: {
    federation: uuid,
    epoch: Number.MAX_SAFE_INTEGER,
    prevHash: bytes(32),
    members: many(maxRosterSize, {
      index,
      id: uuid,
      publicKey: bytes(32),
      approval: {
        by: 'consortium' as const,
        tokenKey: bytes(32),
        expiresAtMs: Number.MAX_SAFE_INTEGER,
        certificate: signature,
        signature,
      },
    }),
    signature,
  },
  open: {
    federation: uuid,
    coordinatorKey: bytes(32),
    task: uuid,
    group: Number.MAX_SAFE_INTEGER,
    groupSeedHash: bytes(32),
    seq: Number.MAX_SAFE_INTEGER,
    rosterHash: bytes(32),
    config,
    graph: 'complete',
    notAfterMs: Number.MAX_SAFE_INTEGER,
    signature,
  },
  draw: {
    federation: uuid,
    coordinatorKey: bytes(32),
    task: uuid,
    seq: Number.MAX_SAFE_INTEGER,
    rosterHash: bytes(32),
    config,
    notAfterMs: Number.MAX_SAFE_INTEGER,
    signature,
  },
  commitSeed: { drawId: sid, index, commitment: sid, signature },
  seedCommitments: { drawId: sid, members: many(maxRosterSize, { index, commitment: sid, signature }), signature },
  revealSeed: { drawId: sid, index, listHash: sid, seed: sid, signature },
  seedReveals: { drawId: sid, listHash: sid, reveals: many(maxRosterSize, { index, seed: sid, signature }) },
  advertiseKeys: { sid, index, cipherKey: bytes(32), maskKey: bytes(32), selfCommitment: bytes(32), signature },
  cohort: {
    sid,
    members: many(maxCohortSize, { index, cipherKey: sid, maskKey: sid, selfCommitment: sid, signature }),
    signature,
  },
  shareKeys: {
    sid,
    index,
    cohortHash: sid,
    cohortSignature: signature,
    boxes: many(maxHolders, { holder: index, nonce: bytes(24), ciphertext: bytes(81) }),
    commitments: many(maxHolders, { holder: index, selfHash: sid, maskHash: sid }),
    signature,
  },
  encryptedShares: {
    sid,
    dealers: many(maxCohortSize, {
      index,
      cohortHash: sid,
      cohortSignature: signature,
      nonce: bytes(24),
      ciphertext: bytes(81),
      selfHash: sid,
      maskHash: sid,
    }),
  },
  acknowledgeShares: { sid, index, cohortHash: sid, accepted: bytes(maxCohortSize / 8), signature },
  startRound: { sid, round: 100_000, modelHash: sid, controlHash: sid, sharers: bytes(maxCohortSize / 8), signature },
  maskedInputHeader: {
    sid,
    roundHash,
    index,
    edges: bytes(maxCohortSize / 8),
    byteLength: 2 ** 30,
    vectorHash: sid,
    signature,
  },
  survivors: { sid, roundHash, survivors: bytes(maxCohortSize / 8), signature },
  signSurvivors: { sid, roundHash, index, signature },
  quorum: { sid, roundHash, signatures: many(maxCohortSize, { index, signature }) },
  revealShares: {
    sid,
    roundHash,
    index,
    shares: many(maxCohortSize, { dealer: index, kind: 'self' as const, share: sid }),
    signature,
  },
  result: {
    sid,
    roundHash,
    survivors: bytes(maxCohortSize / 8),
    weightSum: 2048,
    resultHash: sid,
    newModelHash: sid,
    signature,
  },
  abandoned: { sid, code: 'x'.repeat(100), reason: 'x'.repeat(1000) },
};
const isBitmap = (field: string) => ['accepted', 'sharers', 'edges', 'survivors'].includes(field);
const names = Object.keys(largest) as MessageName[];

describe.each(names)('the message "%s"', (name) => {
  const wire = JSON.parse(JSON.stringify(encodeMessage(name, largest[name] as never))) as Record<string, unknown>;
  const limit = Object.hasOwn(nodeMessages, name) ? MAX_NODE_MESSAGE_BYTES : MAX_COORDINATOR_MESSAGE_BYTES;
  const expectInvalid = (value: unknown) =>
    expect(() => decodeMessage(name, value)).toThrow(expect.objectContaining({ code: 'InvalidMessage' }));

  it('comes back as it went, and fits the limit at its largest', () => {
    expect(decodeMessage(name, wire)).toEqual(largest[name]);
    expect(JSON.stringify(wire).length + 200).toBeLessThan(limit);
    expect(messageHash(name, decodeMessage(name, wire) as never)).toEqual(messageHash(name, largest[name] as never));
  });

  it('is refused with an unknown field, with any field missing, null or of another type', () => {
    expectInvalid({ ...wire, extra: 1 });
    expectInvalid(null);
    expectInvalid([wire]);
    for (const field of Object.keys(wire)) {
      const { [field]: _, ...rest } = wire;
      expectInvalid(rest);
      for (const value of [null, Number.NaN, -1, 1.5, {}, 'x!', [1]]) {
        if (field === 'reason' || (field === 'code' && typeof value === 'string')) continue;
        expectInvalid({ ...wire, [field]: value });
      }
    }
  });

  it('is refused with a byte field that is longer, shorter, padded or not canonical', () => {
    for (const [field, value] of Object.entries(wire)) {
      if (typeof value !== 'string' || !((largest[name][field as never] as unknown) instanceof Uint8Array)) continue;
      if (value.length > 30) {
        // A bitmap may be shorter: that it is one of its cohort is checked where the cohort is known.
        const shorter = isBitmap(field) ? [] : [value.slice(4)];
        for (const text of [...shorter, `${value}AAAA`, `${value}=`]) expectInvalid({ ...wire, [field]: text });
        // The last character of 32 or 125 bytes carries two bits that must be zero; 64 bytes four.
        expectInvalid({ ...wire, [field]: `${value.slice(0, -1)}_` });
      }
      expectInvalid({ ...wire, [field]: '' });
    }
  });
});

describe("a roster's approvals", () => {
  const consortium: ConsortiumApproval = {
    by: 'consortium',
    tokenKey: bytes(32),
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    certificate: signature,
    signature,
  };
  const byMembers = { by: 'members' as const, signatures: [{ index: 1, signature }] };
  const rosterWith = (approvals: readonly Approval[]) => ({
    ...largest.roster,
    members: approvals.map((approval, at) => ({ index: at, id: uuid, publicKey: bytes(32), approval })),
  });

  it('are of one of three kinds, each with its own fields and no other', () => {
    const roster = rosterWith([consortium, byMembers, { by: 'founder' }]);
    const wire = encodeMessage('roster', roster) as { members: { approval: object }[] };
    expect(decodeMessage('roster', wire)).toEqual(roster);
    for (const [at, { approval }] of wire.members.entries()) {
      for (const change of [{ extra: 1 }, { by: 'none' }, { by: undefined }, { signature: 'AA' }, { signatures: [] }]) {
        const changed = wire.members.map((member, n) =>
          n === at ? { ...member, approval: { ...approval, ...change } } : member,
        );
        expect(() => decodeMessage('roster', { ...wire, members: changed })).toThrow(
          expect.objectContaining({ code: 'InvalidMessage' }),
        );
      }
    }
  });

  it('fit the limit where members approve too', () => {
    const approval = { by: 'members' as const, signatures: many(maxMemberApprovals, { index, signature }) };
    const roster = { ...largest.roster, members: largest.roster.members.map((member) => ({ ...member, approval })) };
    expect(JSON.stringify(encodeMessage('roster', roster)).length + 200).toBeLessThan(MAX_COORDINATOR_MESSAGE_BYTES);
  });

  it('are covered by the hash of the chain, every field of them', () => {
    const other = bytes(64, 1);
    const all: Approval[] = [
      consortium,
      { ...consortium, tokenKey: bytes(32, 1) },
      { ...consortium, expiresAtMs: 1 },
      { ...consortium, certificate: other },
      { ...consortium, signature: other },
      byMembers,
      { ...byMembers, signatures: [{ index: 2, signature }] },
      { ...byMembers, signatures: [{ index: 1, signature: other }] },
      { ...byMembers, signatures: [...byMembers.signatures, { index: 2, signature }] },
      { by: 'founder' },
    ];
    const hashes = all.map((approval) => Buffer.from(rosterHash(rosterWith([approval]))).toString('hex'));
    expect(new Set(hashes).size).toBe(all.length);
  });
});

describe('enc', () => {
  it('writes each field after its length', () => {
    expect(Buffer.from(enc('ab', 5, Uint8Array.of(9), ['c'])).toString('hex')).toBe(
      ['00000002', '6162', '00000008', '0000000000000005', '00000001', '09', '00000005', '00000001', '63'].join(''),
    );
  });

  it('never gives two lists of fields one encoding', () => {
    const list = fc.array(fc.oneof(fc.string({ maxLength: 6 }), fc.nat()), { maxLength: 5 });
    fc.assert(
      fc.property(list, list, (left, right) => {
        // A number and its eight bytes as text are one field by design: fields have fixed kinds in every use.
        fc.pre(left.map((field) => typeof field).join() === right.map((field) => typeof field).join());
        expect(Buffer.from(enc(...left)).equals(Buffer.from(enc(...right)))).toBe(
          JSON.stringify(left) === JSON.stringify(right),
        );
      }),
      { seed: 5 },
    );
  });

  it('refuses numbers that it cannot write', () => {
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN]) expect(() => enc(value)).toThrow(RangeError);
    expect(() => realBytes(Number.NaN)).toThrow(RangeError);
    expect(realBytes(-0)).toEqual(realBytes(0));
  });
});

describe('bitmaps', () => {
  it('give the positions back, and only for their own size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 128 }), fc.array(fc.nat(127)), (size, drawn) => {
        const positions = [...new Set(drawn.map((position) => position % size))].sort((left, right) => left - right);
        const bits = bitmapOf(size, positions);
        expect(positionsOf(size, bits)).toEqual(positions);
        expect(positionsOf(size + 8, bits)).toBeUndefined();
        const last = positions.at(-1);
        if (last !== undefined && Math.ceil(last / 8) === bits.length) expect(positionsOf(last, bits)).toBeUndefined();
      }),
      { seed: 6 },
    );
    expect(positionsOf(5, Uint8Array.of(0x20))).toBeUndefined();
    expect(() => bitmapOf(5, [5])).toThrow(RangeError);
  });
});
