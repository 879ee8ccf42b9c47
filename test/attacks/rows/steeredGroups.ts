import { groupsOf } from '@hansa/aggregation/secagg/grouping';
import {
  type CommitSeed,
  commitSeedBytes,
  type Draw,
  decodeMessage,
  drawBytes,
  drawId,
  encodeMessage,
  groupSeedHash,
  type RevealSeed,
  revealSeedBytes,
  rosterHash,
  type SeedCommitments,
  seedCommitment,
  seedCommitmentsBytes,
  seedListHash,
} from '@hansa/shared/protocol/secagg';
import { systemRandom } from '@hansa/shared/random';
import { Refused } from '../harness/rogue.ts';
import { type Outcome, type Row, staged } from '../harness/row.ts';
import type { Scene, SceneOptions } from '../harness/scene.ts';

const groupSize = 5;

/** Two groups of five: six honest members and four colluders, one fewer than a group. */
const grouped: SceneOptions = {
  honest: 6,
  colluders: 4,
  config: { grouped: true, maxCohort: groupSize, gammaPermille: 200 },
};
const ground = 'those reveals withheld that put most colluders beside the victim';
const fifth = 'a fifth try';

/** One draw under the attacker's control, up to the nodes' reveals. */
class RiggedDraw {
  readonly id: Uint8Array;
  readonly reveals = new Map<number, RevealSeed>();
  list!: SeedCommitments;
  readonly #draw: Draw;
  readonly #scene: Scene;
  readonly #seeds = new Map<number, Uint8Array>();

  constructor(scene: Scene) {
    scene.seq += 1;
    scene.rogue.startAfresh();
    this.#scene = scene;
    const fields = {
      federation: scene.rogue.federation,
      coordinatorKey: scene.rogue.key.publicKey,
      task: scene.taskId,
      seq: scene.seq,
      rosterHash: rosterHash(scene.roster),
      config: scene.config,
      notAfterMs: Date.now() + 3_600_000,
    };
    this.#draw = { ...fields, signature: scene.rogue.key.sign('draw', drawBytes(fields)) };
    this.id = drawId(this.#draw);
  }

  async commit(): Promise<void> {
    const { rogue, honest, colluders } = this.#scene;
    const commitments = await Promise.all(
      honest.map(async (member) => {
        await rogue.tell(member, 'draw', encodeMessage('draw', this.#draw));
        return decodeMessage('commitSeed', await rogue.hear(member, 'commitSeed'));
      }),
    );
    for (const [index, { identity }] of colluders) {
      const seed = systemRandom.bytes(32);
      this.#seeds.set(index, seed);
      const unsigned = { drawId: this.id, index, commitment: seedCommitment(this.id, index, seed) };
      commitments.push({ ...unsigned, signature: identity.sign('g1', commitSeedBytes(unsigned)) });
    }
    this.list = this.sign(commitments);
  }

  sign(commitments: readonly CommitSeed[]): SeedCommitments {
    const members = [...commitments]
      .sort((left, right) => left.index - right.index)
      .map(({ index, commitment, signature }) => ({ index, commitment, signature }));
    const unsigned = { drawId: this.id, members };
    const signed = seedCommitmentsBytes(this.id, seedListHash(unsigned));
    return { ...unsigned, signature: this.#scene.rogue.key.sign('gl', signed) };
  }

  async reveal(): Promise<void> {
    const { rogue, honest, colluders } = this.#scene;
    const listHash = seedListHash(this.list);
    await Promise.all(
      honest.map(async (member) => {
        await rogue.tell(member, 'seedCommitments', encodeMessage('seedCommitments', this.list));
        this.reveals.set(member, decodeMessage('revealSeed', await rogue.hear(member, 'revealSeed')));
      }),
    );
    for (const [index, { identity }] of colluders) {
      const unsigned = { drawId: this.id, index, listHash, seed: Uint8Array.from(this.#seeds.get(index)!) };
      this.reveals.set(index, { ...unsigned, signature: identity.sign('g2', revealSeedBytes(unsigned)) });
    }
  }

  /** Reveals of some members, as they are sent to all. */
  #revealsOf(members: readonly number[]) {
    const reveals = [...members]
      .sort((left, right) => left - right)
      .map((member) => {
        const { index, seed, signature } = this.reveals.get(member)!;
        return { index, seed, signature };
      });
    return { drawId: this.id, listHash: seedListHash(this.list), reveals };
  }

  /** The victim's group if only these members reveal. */
  groupWith(members: readonly number[]): readonly number[] {
    const seeds = this.#revealsOf(members).reveals.map(({ seed }) => seed);
    const seedHash = groupSeedHash(this.id, seedListHash(this.list), seeds);
    const groups = groupsOf(seedHash, this.#scene.members, groupSize);
    return groups.find((group) => group.includes(this.#scene.victim))!;
  }

  async conclude(members: readonly number[]): Promise<void> {
    const message = encodeMessage('seedReveals', this.#revealsOf(members));
    await this.#scene.rogue.tell(this.#scene.victim, 'seedReveals', message);
  }
}

async function drawn(scene: Scene): Promise<RiggedDraw> {
  const draw = new RiggedDraw(scene);
  await draw.commit();
  await draw.reveal();
  return draw;
}

/** Once every honest part is known, the attacker computes the groups for each choice of its own reveals, and takes the best choice. */
async function choose(scene: Scene): Promise<Outcome> {
  const draw = await drawn(scene);
  const choices = Array.from({ length: 2 ** scene.colluding.length - 1 }, (_, kept) =>
    scene.without(...scene.colluding.filter((__, place) => ((kept + 1) >> place) & 1)),
  );
  const colludersIn = (telling: readonly number[]) =>
    draw.groupWith(telling).filter((member) => scene.colluders.has(member)).length;
  const [best] = choices.sort((left, right) => colludersIn(right) - colludersIn(left));
  await draw.conclude(best!);
  return { did: 'let it pass', gained: 'its choice of 15 draws' };
}

/** An attacker that tries to choose the groups. */
export const steeredGroups: Row = {
  number: 17,
  name: 'steered-groups',
  attack: 'the seed of groups',
  attacks: [
    staged(
      'a reveal withheld',
      'DrawVoid',
      async (scene) => {
        const draw = await drawn(scene);
        await draw.conclude(scene.without(scene.colluding[0]!));
        return undefined;
      },
      grouped,
    ),
    staged(
      'a reveal changed',
      'DrawVoid',
      async (scene) => {
        const draw = await drawn(scene);
        const [colluder, { identity }] = [...scene.colluders][0]!;
        const { signature: _, ...honest } = draw.reveals.get(colluder)!;
        const unsigned = { ...honest, seed: systemRandom.bytes(32) };
        draw.reveals.set(colluder, { ...unsigned, signature: identity.sign('g2', revealSeedBytes(unsigned)) });
        await draw.conclude(scene.members);
        return undefined;
      },
      grouped,
    ),
    staged(
      'a second list once the parts are known',
      'ConflictingMessage, with evidence',
      async (scene) => {
        const draw = await drawn(scene);
        const commitments = draw.list.members.slice(0, -1).map((member) => ({ drawId: draw.id, ...member }));
        const other = encodeMessage('seedCommitments', draw.sign(commitments));
        const end = await scene.rogue.tell(scene.victim, 'seedCommitments', other).catch((error: unknown) => error);
        if (!(end instanceof Refused)) return 'let it pass';
        return scene.node(scene.victim).evidence().length > 0 ? `${end.code}, with evidence` : end.code;
      },
      grouped,
    ),
    staged(
      fifth,
      'TooManyDraws',
      async (scene) => {
        for (let tries = 0; tries < 8; tries++) await drawn(scene);
        return { did: 'let it pass', gained: 'as many draws as it likes' };
      },
      grouped,
    ),
    staged(
      'a draw after the groups are drawn',
      'TooManyDraws',
      async (scene) => {
        const draw = await drawn(scene);
        await draw.conclude(scene.members);
        await drawn(scene);
        return undefined;
      },
      grouped,
    ),
    staged(ground, 'DrawVoid', choose, grouped),
  ],
  breaks: [
    { variant: ground, without: { 'all reveals': 'its choice of 15 draws' }, gains: 'its choice of 15 draws' },
    { variant: fifth, without: { 'four tries': 'as many draws as it likes' }, gains: 'as many draws as it likes' },
  ],
};
