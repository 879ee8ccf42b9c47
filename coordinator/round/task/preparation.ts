import type { ErrorCode } from '@hansa/shared/errors';
import { readModelHeader, secAggConfigOf } from '../../federation/createTask.ts';
import type { TaskRow } from '../../storage/stateStore.ts';
import { groupCohorts, oneCohort } from '../assembly/cohortChoice.ts';
import type { DrawDriver } from '../assembly/drawDriver.ts';
import { GroupDraws } from '../assembly/groupDraws.ts';
import { AttemptDriver } from '../attempt/attemptDriver.ts';
import type { AttemptSpec } from '../attempt/attemptSpec.ts';
import { sendRosters } from '../messages/notify.ts';
import type { RoundPorts } from '../ports.ts';
import type { TaskTerms } from './schedule.ts';

/** A set-up made ahead is used unless it lacks this share of those who could take part, or the only one. */
const MISSING_SHARE = 0.1;

/** The set-up of a task's next attempt, made while a round trains or when one is to begin. */
export class Preparation {
  readonly #ports: RoundPorts;
  readonly #terms: TaskTerms;
  readonly #draws: GroupDraws;
  #prepared: AttemptDriver | undefined;
  #inProgress: Promise<void> | undefined;
  #isStopped = false;

  constructor(ports: RoundPorts, terms: TaskTerms) {
    this.#ports = ports;
    this.#terms = terms;
    this.#draws = new GroupDraws(ports);
  }

  /** The attempt whose set-up was begun and that has no round yet. */
  get prepared(): AttemptDriver | undefined {
    return this.#prepared;
  }

  /** The draw of groups in progress. */
  get draw(): DrawDriver | undefined {
    return this.#draws.current;
  }

  /** Begins the set-up while another round trains; nothing where there is one already. */
  ahead(task: TaskRow, candidates: readonly string[]): void {
    if (this.#isStopped || this.#prepared !== undefined || this.#inProgress !== undefined) return;
    if (candidates.length < this.#terms.minimum) return;
    this.#inProgress = this.#prepare(task, candidates)
      .catch((err: unknown) => this.#ports.log.warn({ err }, 'the next set-up could not be made ahead'))
      .finally(() => {
        this.#inProgress = undefined;
      });
  }

  /** The attempt for a round that begins now: the one made ahead if it can be used, else a new one; undefined where too few of the candidates can be in it. */
  async forRound(task: TaskRow, candidates: readonly string[]): Promise<AttemptDriver | undefined> {
    await this.#inProgress;
    if (!(await this.#isUsable(candidates))) await this.#prepare(task, candidates);
    return this.#prepared;
  }

  /** The attempt that was prepared has its round now. */
  handOver(): void {
    this.#prepared = undefined;
  }

  async giveUp(code: ErrorCode, reason: string): Promise<void> {
    this.#prepared?.abort(code, reason);
    await this.#prepared?.ended;
    this.#prepared = undefined;
  }

  /** Begins nothing more, gives up what was begun, and resolves once that is over. */
  async stop(code: ErrorCode, reason: string): Promise<void> {
    this.#isStopped = true;
    this.#draws.stop(reason);
    await this.#inProgress;
    await this.giveUp(code, reason);
  }

  /** Whether there is a set-up that can be used: one that is over, or lacks too many of those who could take part now, is given up. */
  async #isUsable(candidates: readonly string[]): Promise<boolean> {
    const prepared = this.#prepared;
    if (prepared === undefined) return false;
    const members = new Set(prepared.members);
    const missing = candidates.filter((id) => !members.has(id)).length;
    const isFull = members.size >= this.#terms.maximum;
    if (!prepared.isOver && (isFull || missing < Math.max(1, MISSING_SHARE * candidates.length))) return true;
    await this.giveUp('CohortTooSmall', 'Members that the set-up lacks can take part now: another one is made.');
    return false;
  }

  async #prepare(task: TaskRow, candidates: readonly string[]): Promise<void> {
    const spec = await this.#assemble(task, candidates);
    if (spec === undefined || this.#isStopped) return;
    const attempt = new AttemptDriver(this.#ports, spec);
    this.#prepared = attempt;
    const online = new Set(this.#ports.connections.connected());
    for (const { selected } of spec.cohorts) for (const id of selected) if (!online.has(id)) attempt.disconnected(id);
  }

  /** Who takes part in the next attempt; undefined where too few of the candidates can. */
  async #assemble(task: TaskRow, candidates: readonly string[]): Promise<AttemptSpec | undefined> {
    const { store, rosters, blobs, connections } = this.#ports;
    const known = rosters.chain.length;
    const roster = await rosters.current();
    if (rosters.chain.length > known) for (const id of connections.connected()) sendRosters(this.#ports, id);
    if (roster === undefined) return undefined;
    const listed = new Set(roster.members.map(({ id }) => id));
    const able = candidates.filter((id) => listed.has(id));
    if (able.length < this.#terms.minimum || this.#isStopped) return undefined;
    const config = secAggConfigOf(task.file, task.plan, await readModelHeader(blobs, task.modelHash));
    let cohorts = [oneCohort(able, this.#terms.maximum)];
    if (config.grouped) {
      const groups = await this.#draws.groupsOf(task, roster, config, able);
      cohorts = groups === undefined ? [] : groupCohorts(groups, roster, able, config.minCohort);
    }
    if (cohorts.length === 0 || this.#isStopped) return undefined;
    return { task, attempt: await store.nextAttempt(task.id), roster, config, cohorts };
  }
}
