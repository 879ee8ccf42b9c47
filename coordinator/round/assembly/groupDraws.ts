import { maxTries } from '@hansa/aggregation/secagg/grouping';
import { HansaError } from '@hansa/shared/errors';
import { type Roster, rosterHash, type SecAggConfig } from '@hansa/shared/protocol/secagg';
import type { DrawnGroups, TaskRow } from '../../storage/stateStore.ts';
import type { RoundPorts } from '../ports.ts';
import { DrawDriver, type DrawEnd, type DrawSpec } from './drawDriver.ts';

/** Draws a task's groups: once for each roster, and again where a draw came to nothing. */
export class GroupDraws {
  readonly #ports: RoundPorts;
  /** Nodes that committed to a part of a seed and did not reveal it: they are asked to no further draw of this task. */
  readonly #excluded = new Set<string>();
  #current: DrawDriver | undefined;
  #isStopped = false;

  constructor(ports: RoundPorts) {
    this.#ports = ports;
  }

  /** The draw in progress. */
  get current(): DrawDriver | undefined {
    return this.#current;
  }

  /**
   * The groups of a roster, drawn first where they are not yet; undefined where the draws were stopped. `able`: ids of the members that can take part.
   *
   * @throws HansaError TooManyDraws
   */
  async groupsOf(
    task: TaskRow,
    roster: Roster,
    config: SecAggConfig,
    able: readonly string[],
  ): Promise<DrawnGroups | undefined> {
    const { store, log } = this.#ports;
    const hash = Buffer.from(rosterHash(roster)).toString('hex');
    let { tries, groups } = await store.draws(task.id, hash);
    for (; groups === undefined && !this.#isStopped; tries++) {
      if (tries >= maxTries) {
        throw new HansaError(
          'TooManyDraws',
          `${tries} draws of groups were begun on this roster and none was finished: nodes join no more until the roster changes.`,
        );
      }
      const selected = able.filter((id) => !this.#excluded.has(id));
      const seq = await store.beginDraw(task.id, hash);
      const end = await this.#draw({ task, seq, roster, selected, config });
      if (end.type === 'void') {
        for (const id of end.withheld) this.#excluded.add(id);
        log.warn({ task: task.id, withheld: end.withheld, reason: end.reason }, 'a draw of groups is void');
        continue;
      }
      groups = end.groups;
      await store.endDraw(task.id, seq, groups);
    }
    return groups;
  }

  /** Ends the draw in progress and begins no other. */
  stop(reason: string): void {
    this.#isStopped = true;
    this.#current?.stop(reason);
  }

  async #draw(spec: DrawSpec): Promise<DrawEnd> {
    const draw = new DrawDriver(this.#ports, spec);
    this.#current = draw;
    const online = new Set(this.#ports.connections.connected());
    for (const id of spec.selected) if (!online.has(id)) draw.disconnected(id);
    const end = await draw.ended;
    this.#current = undefined;
    return end;
  }
}
