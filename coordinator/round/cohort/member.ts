import { type MemberStage, memberStages, type RoundPhase } from '@hansa/shared/protocol';

/** One member of a cohort, as people see it. */
export class Member {
  readonly clientId: string;
  /** Its place in the roster. */
  readonly index: number;
  readonly #reached = new Set<MemberStage>(['selected']);
  #stage: MemberStage = 'selected';
  #done = 0;
  #total = 0;
  #announced = false;
  #droppedIn: RoundPhase | undefined;

  /** @throws RangeError (when `index` is undefined: the node is not in the roster) */
  constructor(clientId: string, index: number | undefined) {
    if (index === undefined) throw new RangeError(`${clientId} is not in the roster`);
    this.clientId = clientId;
    this.index = index;
  }

  get stage(): MemberStage {
    return this.#stage;
  }

  /** How much of its stage is done, of `total`; 0 of 0 where nothing is counted. */
  get done(): number {
    return this.#done;
  }

  get total(): number {
    return this.#total;
  }

  /** Whether it has announced its vector. */
  get announced(): boolean {
    return this.#announced;
  }

  /** The phase that it dropped out in. */
  get droppedIn(): RoundPhase | undefined {
    return this.#droppedIn;
  }

  /** Whether it has ever been in a stage. */
  reached(stage: MemberStage): boolean {
    return this.#reached.has(stage);
  }

  /** Moves on to a stage. Stages only rise: a message that is repeated sets no member back, and who dropped out stays so. */
  advance(stage: MemberStage): void {
    if (memberStages.indexOf(stage) <= memberStages.indexOf(this.#stage)) return;
    this.#stage = stage;
    this.#reached.add(stage);
  }

  /** Moves on to a stage, or stays in it, with a count of what is done there. */
  count(stage: MemberStage, done: number, total: number): void {
    this.advance(stage);
    if (this.#stage !== stage) return;
    this.#done = done;
    this.#total = total;
  }

  announce(): void {
    this.#announced = true;
  }

  drop(phase: RoundPhase): void {
    this.#droppedIn = phase;
    this.#stage = 'dropped';
  }
}

/** The members of a cohort, in the roster's order. */
export class Members {
  readonly all: readonly Member[];
  readonly #byIndex: ReadonlyMap<number, Member>;
  readonly #byClient: ReadonlyMap<string, Member>;

  constructor(members: readonly Member[]) {
    this.all = [...members].sort((left, right) => left.index - right.index);
    this.#byIndex = new Map(members.map((member) => [member.index, member]));
    this.#byClient = new Map(members.map((member) => [member.clientId, member]));
  }

  /** @throws RangeError (when no member has that place in the roster) */
  at(index: number): Member {
    const member = this.#byIndex.get(index);
    if (member === undefined) throw new RangeError(`${index} is no member of this cohort`);
    return member;
  }

  of(clientId: string): Member | undefined {
    return this.#byClient.get(clientId);
  }
}
