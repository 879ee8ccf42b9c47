import { createHash, createPrivateKey, createPublicKey, diffieHellman, hkdfSync } from 'node:crypto';
import { agreementKeyPair, SecretBytes as Secret, type SecretBytes, seal, unseal } from '@hansa/shared/crypto';
import {
  advertiseKeysBytes,
  cohortBytes,
  cohortHash,
  configHash as configHashOf,
  hashOf,
  openBytes,
  roundHash,
  selfCommitment,
  setupId,
  shareHash,
  survivorsBytes,
} from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import { describe, expect, it } from 'vitest';
import { closeBox, openBox } from './boxes.ts';
import { pairMaskKey, selfMaskKey } from './maskKeys.ts';
import { leagueConfig } from './testing/setting.ts';

// The page's formulas written out once more with node:crypto alone: both sides of the league share the code under test, so a
// change of the construction would go unnoticed by them.
const field = (value: string | number | Uint8Array): Buffer => {
  let bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.alloc(8);
  if (typeof value === 'number') bytes.writeBigUInt64BE(BigInt(value));
  if (value instanceof Uint8Array) bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const enc = (...fields: (string | number | Uint8Array)[]): Buffer => Buffer.concat(fields.map(field));
const sha = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest());
const kdf = (ikm: Uint8Array, salt: Uint8Array, info: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', ikm, salt, info, 32));

const pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const spki = Buffer.from('302a300506032b656e032100', 'hex');
const x25519 = (secret: SecretBytes, publicKey: Uint8Array): Uint8Array =>
  diffieHellman({
    privateKey: createPrivateKey({ key: Buffer.concat([pkcs8, secret.expose()]), format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: Buffer.concat([spki, publicKey]), format: 'der', type: 'spki' }),
  });

const random = seededRandom('construction');
const [sid, h1, modelHash, configHash, seed, share] = Array.from({ length: 6 }, () => random.bytes(32)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const own = agreementKeyPair(random);
const controlHash = new Uint8Array(32).fill(9);
const other = agreementKeyPair(random);

describe('the construction is that of the page', () => {
  const sharers = Uint8Array.of(0x1f);
  const R = sha(enc('round', sid, h1, 3, modelHash, controlHash, configHash, sharers));

  it('for R, HB and the hashes of shares', () => {
    expect(roundHash({ sid, cohortHash: h1, round: 3, modelHash, controlHash, configHash, sharers })).toEqual(R);
    expect(selfCommitment(sid, 7, seed)).toEqual(sha(enc('b', sid, 7, seed)));
    expect(shareHash(sid, 7, 10, 'self', share)).toEqual(sha(enc('share', sid, 7, 10, 'b', share)));
    expect(shareHash(sid, 7, 10, 'mask', share)).toEqual(sha(enc('share', sid, 7, 10, 's', share)));
    expect(hashOf('x', 1)).toEqual(sha(enc('x', 1)));
  });

  it('for the set-up, its keys, h1 and (R, U3)', () => {
    const config = leagueConfig(5);
    const [federation, task] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];
    const open = {
      federation,
      coordinatorKey: h1,
      task,
      group: 3,
      groupSeedHash: seed,
      seq: 9,
      rosterHash: modelHash,
      config,
      graph: 'complete' as const,
      notAfterMs: 1_800_000_000_000,
    };
    const fields = [federation, h1, task, 3, seed, 9, modelHash, configHashOf(config), 'complete', 1_800_000_000_000];
    expect(openBytes(open)).toEqual(new Uint8Array(enc('sid', ...fields)));
    expect(setupId(open)).toEqual(sha(enc('sid', ...fields)));
    const signature = Uint8Array.from({ length: 64 }, (_, place) => place);
    const member = { index: 7, cipherKey: own.publicKey, maskKey: other.publicKey, selfCommitment: share, signature };
    expect(advertiseKeysBytes({ sid, ...member })).toEqual(
      new Uint8Array(enc(sid, 7, own.publicKey, other.publicKey, share)),
    );
    const list = enc(
      enc(7, own.publicKey, other.publicKey, share, signature),
      enc(10, other.publicKey, own.publicKey, seed, signature),
    );
    const second = { index: 10, cipherKey: other.publicKey, maskKey: own.publicKey, selfCommitment: seed, signature };
    expect(cohortHash({ sid, members: [member, second] })).toEqual(sha(enc('l1', sid, list)));
    expect(cohortBytes(sid, h1)).toEqual(new Uint8Array(enc(sid, h1)));
    expect(survivorsBytes(R, sharers)).toEqual(new Uint8Array(enc(R, sharers)));
  });

  it('for the mask keys', () => {
    expect(selfMaskKey(sid, R, 7, new Secret(Uint8Array.from(seed))).expose()).toEqual(
      kdf(seed, sid, enc('self', R, 7)),
    );
    const pair = kdf(x25519(own.secretKey, other.publicKey), sid, enc('pair', R, 7, 10));
    for (const [mine, theirs] of [
      [
        { index: 7, maskKey: own.secretKey },
        { index: 10, maskKey: other.publicKey },
      ],
      [
        { index: 10, maskKey: other.secretKey },
        { index: 7, maskKey: own.publicKey },
      ],
    ] as const)
      expect(pairMaskKey(sid, R, mine, theirs).expose()).toEqual(pair);
  });

  const place = { sid, cohortHash: h1, dealer: 10, holder: 7 };
  const boxKey = () => new Secret(kdf(x25519(own.secretKey, other.publicKey), sid, enc('box', h1, 10, 7)));
  const associated = enc('box', sid, h1, 10, 7);
  const content = () => ({ x: 2, self: new Secret(Uint8Array.from(seed)), mask: new Secret(Uint8Array.from(share)) });

  it('for the boxes that a dealer seals', () => {
    const keys = { own: other.secretKey, other: own.publicKey };
    const { nonce, ciphertext } = closeBox(place, keys, content(), random);
    expect(nonce).toHaveLength(24);
    expect(unseal(boxKey(), nonce, ciphertext, associated)).toEqual(Uint8Array.of(2, ...seed, ...share));
  });

  it('for the boxes that a holder opens, and for no other place, key or byte', () => {
    const nonce = random.bytes(24);
    const ciphertext = seal(boxKey(), nonce, Uint8Array.of(2, ...seed, ...share), associated);
    const keys = { own: own.secretKey, other: other.publicKey };
    const opened = openBox(place, keys, { nonce, ciphertext });
    expect(opened?.x).toBe(2);
    expect(opened?.self.expose()).toEqual(seed);
    expect(opened?.mask.expose()).toEqual(share);
    for (const wrong of [
      { ...place, sid: h1 },
      { ...place, cohortHash: sid },
      { ...place, dealer: 13 },
      { ...place, holder: 13 },
      { ...place, dealer: 7, holder: 10 },
    ])
      expect(openBox(wrong, keys, { nonce, ciphertext })).toBeUndefined();
    expect(openBox(place, { ...keys, other: own.publicKey }, { nonce, ciphertext })).toBeUndefined();
    expect(openBox(place, keys, { nonce: random.bytes(24), ciphertext })).toBeUndefined();
  });
});
