import { pairMaskKey, pairSign, selfMaskKey, unmaskedSum, wordsOf } from '@hansa/aggregation/secagg/testing';
import { agreementPublicKey, combineShares, equalBytes, SecretBytes } from '@hansa/shared/crypto';
import {
  type CohortMember,
  type MaskedInputHeader,
  type SecAggConfig,
  type ShareKind,
  selfCommitment,
} from '@hansa/shared/protocol/secagg';

/** A masked vector and its signed header. */
interface Vector {
  readonly header: MaskedInputHeader;
  readonly neighbours: readonly number[];
  readonly bytes: Uint8Array;
  /** The words under the masks, from the member's own folder: to check results with, never to compute them. */
  readonly truth: Uint8Array;
}

/** A sum that the attacker has unmasked. */
export interface OpenedSum {
  /** The members whose updates are in it. */
  readonly members: readonly number[];
  /** Those of them whose update is not zero. */
  readonly hidden: readonly number[];
  readonly words: Uint32Array;
}

/** All that the attacker learned in one set-up: shares, secrets of its colluders, masked vectors. */
export class AttackerView {
  readonly #sid: Uint8Array;
  readonly #config: SecAggConfig;
  /** By dealer and kind: x → share. */
  readonly #shares = new Map<string, Map<number, Uint8Array>>();
  readonly #secrets = new Map<string, SecretBytes>();
  readonly #keys = new Map<number, CohortMember>();
  readonly #vectors: Vector[] = [];

  constructor(sid: Uint8Array, config: SecAggConfig) {
    this.#sid = sid;
    this.#config = config;
  }

  /** A member's public keys, to check rebuilt secrets against. */
  addKeys(member: CohortMember): void {
    this.#keys.set(member.index, member);
  }

  addShare(dealer: number, kind: ShareKind, x: number, share: Uint8Array): void {
    const name = `${dealer}/${kind}`;
    this.#shares.set(name, (this.#shares.get(name) ?? new Map<number, Uint8Array>()).set(x, Uint8Array.from(share)));
  }

  addSecret(dealer: number, kind: ShareKind, secret: SecretBytes): void {
    this.#secrets.set(`${dealer}/${kind}`, new SecretBytes(Uint8Array.from(secret.expose())));
  }

  addVector(vector: Vector): void {
    this.#vectors.push(vector);
  }

  /** How many shares of a secret the attacker holds. */
  sharesOf(dealer: number, kind: ShareKind): number {
    return this.#shares.get(`${dealer}/${kind}`)?.size ?? 0;
  }

  /** A member's secret, where the attacker has it or enough shares of it. */
  secretOf(dealer: number, kind: ShareKind): SecretBytes | undefined {
    const name = `${dealer}/${kind}`;
    const known = this.#secrets.get(name);
    if (known !== undefined) return known;
    const shares = [...(this.#shares.get(name) ?? [])].map(([x, bytes]) => ({
      x,
      bytes: new SecretBytes(Uint8Array.from(bytes)),
    }));
    const member = this.#keys.get(dealer);
    if (shares.length === 0 || member === undefined) return undefined;
    // Too few shares interpolate to a value that does not match the member's commitment.
    const secret = combineShares(shares);
    const right =
      kind === 'self'
        ? equalBytes(selfCommitment(this.#sid, dealer, secret.expose()), member.selfCommitment)
        : equalBytes(agreementPublicKey(secret), member.maskKey);
    if (!right) return undefined;
    this.#secrets.set(name, secret);
    return secret;
  }

  /** Every sum of one or more members' updates that the attacker can unmask and that equals the sum from the members' own folders. */
  openedSums(): OpenedSum[] {
    const byRound = new Map<string, Vector[]>();
    for (const vector of this.#vectors) {
      const round = Buffer.from(vector.header.roundHash).toString('hex');
      byRound.set(round, [...(byRound.get(round) ?? []), vector]);
    }
    // Vectors of different rounds too: if the keys did not depend on the round, their masks would cancel.
    const groups = [...byRound.values(), ...(byRound.size > 1 ? [this.#vectors] : [])];
    return groups.flatMap((group) => subsetsOf(group).flatMap((subset) => this.#open(subset) ?? []));
  }

  #open(vectors: readonly Vector[]): OpenedSum | undefined {
    const members = vectors.map(({ header }) => header.index);
    if (new Set(members).size < members.length) return undefined;
    const masks = [];
    for (const { header, neighbours } of vectors) {
      const { index, roundHash } = header;
      const self = this.secretOf(index, 'self');
      if (self === undefined) return undefined;
      masks.push({ key: selfMaskKey(this.#sid, roundHash, index, self), sign: 1 as const });
      for (const other of neighbours.filter((one) => !members.includes(one))) {
        const key = this.#pairKey(roundHash, index, other);
        if (key === undefined) return undefined;
        masks.push({ key, sign: pairSign(index, other) });
      }
    }
    const byIndex = new Map(vectors.map((vector) => [vector.header.index, vector.bytes]));
    const opened = unmaskedSum(this.#config, { survivors: members, masks }, (index) => byIndex.get(index)!);
    const words = wordsOf(this.#config, opened);
    const truth = sumOf(vectors.map((vector) => wordsOf(this.#config, vector.truth)));
    if (!words.every((word, place) => word === truth[place])) return undefined;
    // A member whose update is zero hides nobody.
    const hidden = vectors.filter((vector) =>
      wordsOf(this.#config, vector.truth)
        .subarray(0, this.#config.vectorLength)
        .some((word) => word !== 0),
    );
    return { members, hidden: hidden.map(({ header }) => header.index), words };
  }

  #pairKey(roundHash: Uint8Array, one: number, other: number): SecretBytes | undefined {
    for (const [own, peer] of [
      [one, other],
      [other, one],
    ] as const) {
      const maskKey = this.secretOf(own, 'mask');
      const publicKey = this.#keys.get(peer)?.maskKey;
      if (maskKey !== undefined && publicKey !== undefined)
        return pairMaskKey(this.#sid, roundHash, { index: own, maskKey }, { index: peer, maskKey: publicKey });
    }
    return undefined;
  }
}

/** Words added mod 2^32. */
const sumOf = (vectors: readonly Uint32Array[]): Uint32Array =>
  vectors.reduce((sum, words) => sum.map((word, place) => word + words[place]!));

function subsetsOf<Item>(items: readonly Item[]): Item[][] {
  const subsets: Item[][] = [];
  for (let chosen = 1; chosen < 2 ** items.length; chosen++)
    subsets.push(items.filter((_, place) => (chosen >> place) & 1));
  return subsets;
}

/** The difference of two sums: the sum of the members that are in only one of them. */
export function difference(larger: OpenedSum, smaller: OpenedSum): OpenedSum | undefined {
  if (!smaller.members.every((member) => larger.members.includes(member))) return undefined;
  const members = larger.members.filter((member) => !smaller.members.includes(member));
  if (members.length === 0) return undefined;
  const hidden = larger.hidden.filter((member) => members.includes(member));
  return { members, hidden, words: larger.words.map((word, place) => word - smaller.words[place]!) };
}
