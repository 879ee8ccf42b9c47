import { type ServerEvent, type ServerStateIn, step, type Thresholds } from '@hansa/aggregation/secagg/server';
import { agreementKeyPair, IdentityKey, SecretBytes, splitSecret } from '@hansa/shared/crypto';
import {
  bitmapOf,
  type CohortMember,
  type RevealShares,
  revealSharesBytes,
  type SecAggConfig,
  type ShareKeys,
  selfCommitment,
  shareHash,
} from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';

/** A round as it stands before the shares come in. */
export interface RoundShape {
  readonly config: SecAggConfig;
  readonly members: number;
  /** How many of them sent no vector. */
  readonly gone: number;
  /** Undefined: the complete graph. */
  readonly holders: number | undefined;
  readonly threshold: number;
}

type State = ServerStateIn<'revealShares'>;

const sid = new Uint8Array(32).fill(1);
const roundHash = new Uint8Array(32).fill(2);

/** What the coordinator has to do once the last share is there; the work of everything before was done when this was made. */
export interface RevealedRound {
  /** The reducer's state and the last holder's answer: stepping it rebuilds every secret and derives every mask's key. */
  readonly state: State;
  readonly last: ServerEvent;
  readonly identity: IdentityKey;
}

/** A round of real keys, secrets, shares and hashes in which all but the last holder have revealed what they must; no vectors. */
export function revealedRound({ config, members, gone, holders, threshold }: RoundShape): RevealedRound {
  const random = seededRandom(`unmask/${members}/${gone}/${holders}`);
  const order = Array.from({ length: members }, (_, index) => index);
  const survivors = order.slice(0, members - gone);
  const identities = order.map((index) => new IdentityKey(new SecretBytes(random.bytes(32).fill(index % 251, 0, 1))));
  const cohortMembers = new Map<number, CohortMember>();
  const shareKeys = new Map<number, ShareKeys>();
  const revealed = new Map<number, RevealShares['shares']>(order.map((index) => [index, []]));
  for (const dealer of order) {
    const mask = agreementKeyPair(random);
    const seed = new SecretBytes(random.bytes(32));
    cohortMembers.set(dealer, {
      index: dealer,
      cipherKey: new Uint8Array(32),
      maskKey: mask.publicKey,
      selfCommitment: selfCommitment(sid, dealer, seed.expose()),
      signature: new Uint8Array(64),
    });
    const picked = picksOf(order, dealer, holders);
    const survives = dealer < survivors.length;
    const kind = survives ? 'self' : 'mask';
    // Only the secret that is rebuilt is dealt: the other's shares are never looked at.
    const shares = splitSecret(survives ? seed : mask.secretKey, threshold, picked.length, random);
    const hashes = picked.map((holder, place) => shareHash(sid, dealer, holder, kind, shares[place]!.bytes.expose()));
    const zeros = new Uint8Array(32);
    shareKeys.set(dealer, {
      sid,
      index: dealer,
      cohortHash: zeros,
      cohortSignature: new Uint8Array(64),
      boxes: [],
      commitments: picked.map((holder, place) => ({
        holder,
        selfHash: survives ? hashes[place]! : zeros,
        maskHash: survives ? zeros : hashes[place]!,
      })),
      signature: new Uint8Array(64),
    });
    for (const [place, holder] of picked.entries())
      revealed.get(holder)!.push({ dealer, kind, share: shares[place]!.bytes.expose() });
  }
  const messageOf = (index: number): RevealShares => {
    const unsigned = { sid, roundHash, index, shares: revealed.get(index)! };
    return { ...unsigned, signature: identities[index]!.sign('m5', revealSharesBytes(unsigned)) };
  };
  const last = survivors.at(-1)!;
  const thresholds: Thresholds = {
    holders: holders ?? members,
    threshold,
    quorum: survivors.length,
    minSurvivors: survivors.length,
  };
  const state = {
    phase: 'revealShares',
    setup: {
      sid,
      open: { config },
      configHash: new Uint8Array(32),
      selected: order,
      keys: new Map(identities.map((identity, index) => [index, identity.publicKey])),
    },
    dropped: new Set(order.slice(survivors.length)),
    cohort: { hash: new Uint8Array(32), signature: new Uint8Array(64), order, members: cohortMembers, thresholds },
    shareKeys,
    acks: new Map(
      order.map((index) => [
        index,
        {
          accepted: bitmapOf(
            members,
            revealed.get(index)!.map(({ dealer }) => dealer),
          ),
        },
      ]),
    ),
    sharers: order,
    survivors,
    survivorsMessage: { survivors: bitmapOf(members, survivors) },
    roundHash,
    round: 1,
    holders: survivors,
    reveals: new Map(survivors.slice(0, -1).map((index) => [index, messageOf(index)])),
  } as unknown as State;
  return {
    state,
    last: { type: 'message', from: last, name: 'revealShares', message: messageOf(last) },
    identity: identities[0]!,
  };
}

/** A dealer's holders, ascending: everybody on the complete graph, else `count` others at random. */
function picksOf(order: readonly number[], dealer: number, count: number | undefined): readonly number[] {
  if (count === undefined) return order;
  const random = seededRandom(`picks/${dealer}`);
  const others = order.filter((index) => index !== dealer);
  for (let place = 0; place < count; place++) {
    const from = place + (Buffer.from(random.bytes(4)).readUInt32LE() % (others.length - place));
    [others[place], others[from]] = [others[from]!, others[place]!];
  }
  return others.slice(0, count).sort((left, right) => left - right);
}

/** The masks that have to go, as the reducer finds them. */
export function rebuildMasks({ state, last, identity }: RevealedRound) {
  const { effects } = step(state, last, { identity });
  const effect = effects.find(({ type }) => type === 'unmask');
  if (effect?.type !== 'unmask') throw new Error('the shares do not rebuild every secret');
  return effect.plan;
}
