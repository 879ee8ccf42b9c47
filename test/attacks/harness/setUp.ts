import { sha256 } from '@hansa/shared/crypto';
import {
  type AcknowledgeShares,
  type AdvertiseKeys,
  bitmapOf,
  type Cohort,
  cohortBytes,
  cohortHash,
  configHash,
  decodeMessage,
  type EncryptedShares,
  encodeMessage,
  type MaskedInputHeader,
  type MessageOf,
  type NodeSetupMessageName,
  noControl,
  type Open,
  openBytes,
  positionsOf,
  type Quorum,
  type Result,
  resultBytes,
  roundHash,
  type SetupMessageName,
  type ShareKeys,
  type StartRound,
  type Survivors,
  setupId,
  survivorsBytes,
} from '@hansa/shared/protocol/secagg';
import { AttackerView } from './attackerView.ts';
import type { Scene } from './scene.ts';

/** The message for each member; none is sent to a member for which it gives undefined. */
export type For<Told> = (member: number) => Told | undefined;

/** A round as one member received it. */
export interface RoundFields {
  readonly sharers: readonly number[];
  readonly round?: number;
  readonly modelHash?: Uint8Array;
}

interface ToldRound {
  readonly hash: Uint8Array;
  readonly round: number;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/**
 * One set-up under the attacker's control, stage by stage. Each stage sends every member the protocol's message, or the script's instead, and keeps all
 * that the attacker learns from the answers. A stage fails at the first refusal.
 */
export class SetUp {
  readonly open: Open;
  readonly sid: Uint8Array;
  readonly view: AttackerView;
  /** The OPEN that each member received. */
  readonly opens = new Map<number, Open>();
  readonly advertised = new Map<number, AdvertiseKeys>();
  readonly dealt = new Map<number, ShareKeys>();
  readonly acknowledged = new Map<number, AcknowledgeShares>();
  /** The cohort that each member received. */
  readonly cohorts = new Map<number, Cohort>();
  /** The round that each member last received. */
  readonly rounds = new Map<number, ToldRound>();
  /** The U3 that each member last received. */
  readonly survivorBits = new Map<number, Uint8Array>();
  /** Signatures of M4 by round and U3, then by member. */
  readonly #signatures = new Map<string, Map<number, Uint8Array>>();
  readonly #scene: Scene;

  constructor(scene: Scene, fields: Omit<Open, 'signature'>) {
    this.#scene = scene;
    this.open = this.signOpen(fields);
    this.sid = setupId(fields);
    this.view = new AttackerView(this.sid, fields.config);
  }

  signOpen(fields: Omit<Open, 'signature'>): Open {
    return { ...fields, signature: this.#scene.rogue.key.sign('open', openBytes(fields)) };
  }

  /** Sends one message of this set-up to an honest member. */
  async tell<Name extends SetupMessageName>(member: number, name: Name, message: MessageOf<Name>): Promise<void> {
    await this.#scene.rogue.tell(member, name, encodeMessage(name, message));
  }

  async hear<Name extends NodeSetupMessageName>(member: number, name: Name): Promise<MessageOf<Name>> {
    return decodeMessage(name, await this.#scene.rogue.hear(member, name));
  }

  /** One request to every member and its answer. */
  async #ask<Name extends SetupMessageName, Answer extends NodeSetupMessageName>(
    name: Name,
    answerName: Answer,
    told: For<MessageOf<Name>>,
    take: (member: number, answer: MessageOf<Answer>) => void,
  ): Promise<void> {
    const asked = this.#scene.members.map((member) => ({ member, message: told(member) }));
    for (const { member, message } of asked) {
      const colluder = this.#scene.colluders.get(member);
      const answer = message === undefined ? undefined : colluder?.answer(name, message, answerName);
      if (answer !== undefined) take(member, answer);
    }
    await Promise.all(
      asked.map(async ({ member, message }) => {
        if (message === undefined || !this.#scene.isHonest(member)) return;
        await this.tell(member, name, message);
        take(member, await this.hear(member, answerName));
      }),
    );
  }

  /** OPEN → M1. */
  async advertise(told: For<Open> = () => this.open): Promise<this> {
    const shown = (member: number) => {
      const open = told(member);
      if (open !== undefined) this.opens.set(member, open);
      return open;
    };
    await this.#ask('open', 'advertiseKeys', shown, (member, keys) => {
      this.advertised.set(member, keys);
      this.view.addKeys(keys);
    });
    return this;
  }

  /** L1 of some members, or of every member that advertised; `change` alters entries of colluders. */
  cohort(members: readonly number[] = [...this.advertised.keys()]): Cohort {
    const entries = members
      .map((member) => this.advertised.get(member)!)
      .sort((left, right) => left.index - right.index)
      .map(({ sid: _, ...entry }) => entry);
    return this.signCohort(entries);
  }

  signCohort(members: Cohort['members'], sid = this.sid): Cohort {
    const unsigned = { sid, members };
    const signature = this.#scene.rogue.key.sign('l1', cohortBytes(sid, cohortHash(unsigned)));
    return { ...unsigned, signature };
  }

  /** L1 → M2. */
  async deal(told: For<Cohort> = () => this.cohort()): Promise<this> {
    const shown = new Map(this.#scene.members.map((member) => [member, told(member)]));
    for (const [member, cohort] of shown) if (cohort !== undefined) this.cohorts.set(member, cohort);
    await this.#ask(
      'cohort',
      'shareKeys',
      (member) => shown.get(member),
      (member, message) => this.dealt.set(member, message),
    );
    return this;
  }

  /** The boxes of every other dealer for one holder. */
  sharesFor(holder: number): EncryptedShares {
    const dealers = [...this.dealt.values()]
      .sort((left, right) => left.index - right.index)
      .flatMap(({ index, cohortHash: hash, cohortSignature, boxes, commitments }) => {
        const box = boxes.find((entry) => entry.holder === holder);
        const commitment = commitments.find((entry) => entry.holder === holder);
        if (box === undefined || commitment === undefined) return [];
        const { nonce, ciphertext } = box;
        const { selfHash, maskHash } = commitment;
        return [{ index, cohortHash: hash, cohortSignature, nonce, ciphertext, selfHash, maskHash }];
      });
    return { sid: this.sid, dealers };
  }

  /** M2' → ACK. */
  async handOut(told: For<EncryptedShares> = (member) => this.sharesFor(member)): Promise<this> {
    const dealt = (member: number) => (this.dealt.has(member) ? told(member) : undefined);
    await this.#ask('encryptedShares', 'acknowledgeShares', dealt, (member, message) =>
      this.acknowledged.set(member, message),
    );
    for (const [member, colluder] of this.#scene.colluders) this.#takeKnowledge(member, colluder.knowledge);
    return this;
  }

  #takeKnowledge(member: number, knowledge: ReturnType<Scene['knowledgeOf']>): void {
    if (knowledge === undefined) return;
    this.view.addSecret(member, 'self', knowledge.secrets.selfSeed);
    this.view.addSecret(member, 'mask', knowledge.secrets.maskKey);
    for (const [dealer, held] of knowledge.held) {
      this.view.addShare(dealer, 'self', this.placeOf(dealer, member), held.self.expose());
      if (held.mask !== undefined) this.view.addShare(dealer, 'mask', this.placeOf(dealer, member), held.mask.expose());
    }
  }

  /** x of a holder's share of a dealer's secrets. */
  placeOf(dealer: number, holder: number): number {
    return this.dealt.get(dealer)!.commitments.findIndex((entry) => entry.holder === holder) + 1;
  }

  /** The dealers whose shares a member acknowledged. */
  keptBy(member: number): readonly number[] {
    return this.#named(member, this.acknowledged.get(member)!.accepted);
  }

  /** A set of members as bits over the cohort that one of them received. */
  bits(viewer: number, members: readonly number[]): Uint8Array {
    const order = this.cohorts.get(viewer)!.members.map(({ index }) => index);
    return bitmapOf(
      order.length,
      members.map((member) => order.indexOf(member)),
    );
  }

  #named(viewer: number, bits: Uint8Array): readonly number[] {
    const order = this.cohorts.get(viewer)!.members.map(({ index }) => index);
    return (positionsOf(order.length, bits) ?? []).map((place) => order[place]!);
  }

  /** M3 for one member. */
  startRound(viewer: number, { sharers, round = this.#scene.round, modelHash = this.#scene.modelHash }: RoundFields) {
    const bits = this.bits(viewer, sharers);
    const hash = roundHash({
      sid: this.sid,
      cohortHash: cohortHash(this.cohorts.get(viewer)!),
      round,
      modelHash,
      controlHash: noControl,
      configHash: configHash(this.opens.get(viewer)!.config),
      sharers: bits,
    });
    const signature = this.#scene.rogue.key.sign('round', hash);
    const message: StartRound = { sid: this.sid, round, modelHash, controlHash: noControl, sharers: bits, signature };
    return { message, hash };
  }

  /** M3 → header and vector. */
  async mask(told: For<RoundFields> = () => ({ sharers: this.#scene.members })): Promise<this> {
    const asked = this.#scene.members.flatMap((member) => {
      const fields = told(member);
      return fields === undefined || !this.cohorts.has(member) ? [] : [{ member, fields }];
    });
    await Promise.all(
      asked.map(async ({ member, fields }) => {
        const { message, hash } = this.startRound(member, fields);
        this.rounds.set(member, { hash, round: message.round });
        if (!this.#scene.isHonest(member)) return;
        await this.tell(member, 'startRound', message);
        this.#takeVector(await this.hear(member, 'maskedInputHeader'), await this.#vectorOf(member), message.round);
      }),
    );
    return this;
  }

  /** The vector itself, once the node knows that all of it was sent. */
  async #vectorOf(member: number): Promise<Uint8Array> {
    await this.#scene.rogue.hear(member, 'progress', (body) => (body as { stage: string }).stage === 'uploaded');
    return this.#scene.rogue.uploads.findLast(({ node }) => node === member)!.bytes;
  }

  #takeVector(header: MaskedInputHeader, bytes: Uint8Array, round: number): void {
    if (text(sha256(bytes)) !== text(header.vectorHash)) throw new Error('a node sent another vector than it signed');
    this.view.addVector({
      header,
      neighbours: this.#named(header.index, header.edges),
      bytes,
      truth: this.#scene.node(header.index).truth(this.open.task, round, this.open.seq),
    });
  }

  /** M4 for one member. */
  survivors(viewer: number, members: readonly number[]): Survivors {
    const { hash } = this.rounds.get(viewer)!;
    return this.signSurvivors({ sid: this.sid, roundHash: hash, survivors: this.bits(viewer, members) });
  }

  signSurvivors(message: Omit<Survivors, 'signature'>): Survivors {
    const signed = survivorsBytes(message.roundHash, message.survivors);
    return { ...message, signature: this.#scene.rogue.key.sign('u3', signed) };
  }

  /** M4 → signatures. */
  async collectSignatures(told: For<readonly number[]> = () => this.#scene.members): Promise<this> {
    await Promise.all(
      this.#scene.members.map(async (member) => {
        const members = told(member);
        if (members === undefined || !this.rounds.has(member)) return;
        const message = this.survivors(member, members);
        this.survivorBits.set(member, message.survivors);
        const signed = survivorsBytes(message.roundHash, message.survivors);
        const colluder = this.#scene.colluders.get(member);
        if (colluder === undefined) {
          await this.tell(member, 'survivors', message);
          this.#addSignature(signed, member, (await this.hear(member, 'signSurvivors')).signature);
        }
        // Colluders sign anything that helps the attacker.
        for (const [index, { identity }] of this.#scene.colluders)
          this.#addSignature(signed, index, identity.sign('m4', signed));
      }),
    );
    return this;
  }

  #addSignature(signed: Uint8Array, member: number, signature: Uint8Array): void {
    const found = this.#signatures.get(text(signed)) ?? new Map<number, Uint8Array>();
    this.#signatures.set(text(signed), found.set(member, signature));
  }

  /** Uses these bytes as a member's M4 signature on the U3 that `viewer` received; a genuine signature is not replaced. */
  addSignature(viewer: number, members: readonly number[], member: number, signature: Uint8Array): void {
    if (this.signaturesOn(viewer, members).has(member)) return;
    this.#addSignature(survivorsBytes(this.rounds.get(viewer)!.hash, this.bits(viewer, members)), member, signature);
  }

  /** Every M4 signature that the attacker has on what a member received. */
  quorum(viewer: number): Quorum {
    const { hash } = this.rounds.get(viewer)!;
    const bits = this.survivorBits.get(viewer)!;
    const named = this.#named(viewer, bits);
    const signatures = [...(this.#signatures.get(text(survivorsBytes(hash, bits))) ?? [])]
      .filter(([index]) => named.includes(index))
      .map(([index, signature]) => ({ index, signature }));
    return { sid: this.sid, roundHash: hash, signatures };
  }

  /** M5 → shares. Members that received no U3 are not asked. */
  async reveal(told: For<Quorum> = (member) => this.quorum(member)): Promise<this> {
    await Promise.all(
      this.#scene.members.map(async (member) => {
        if (!this.#scene.isHonest(member) || !this.survivorBits.has(member)) return;
        const message = told(member);
        if (message === undefined) return;
        await this.tell(member, 'quorum', message);
        this.takeShares(member, await this.hear(member, 'revealShares'));
      }),
    );
    return this;
  }

  /** The M4 signatures on the U3 that a member received, by signer. */
  signaturesOn(viewer: number, members: readonly number[]): ReadonlyMap<number, Uint8Array> {
    const signed = survivorsBytes(this.rounds.get(viewer)!.hash, this.bits(viewer, members));
    return this.#signatures.get(text(signed)) ?? new Map();
  }

  /** M6 for one member. */
  result(viewer: number, members: readonly number[] = this.#scene.members): Result {
    const unsigned = {
      sid: this.sid,
      roundHash: this.rounds.get(viewer)!.hash,
      survivors: this.bits(viewer, members),
      weightSum: members.length * this.open.config.weightMax,
      resultHash: new Uint8Array(32),
      newModelHash: this.#scene.otherModelHash(),
    };
    return { ...unsigned, signature: this.#scene.rogue.key.sign('result', resultBytes(unsigned)) };
  }

  /** M6: the set-up is over. */
  async conclude(): Promise<void> {
    await Promise.all(this.#scene.honest.map((member) => this.tell(member, 'result', this.result(member))));
  }

  /** Keeps the shares that a member revealed. */
  takeShares(member: number, { shares }: MessageOf<'revealShares'>): void {
    for (const { dealer, kind, share } of shares)
      if (this.placeOf(dealer, member) > 0) this.view.addShare(dealer, kind, this.placeOf(dealer, member), share);
  }

  /** OPEN to ACK, as in the protocol. */
  async share(): Promise<this> {
    return await (await (await this.advertise()).deal()).handOut();
  }

  /** M3 to M5, as in the protocol. */
  async finish(): Promise<this> {
    return await (await (await this.mask()).collectSignatures()).reveal();
  }
}
