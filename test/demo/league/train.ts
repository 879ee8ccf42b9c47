import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HansaError } from '@hansa/shared/errors';
import type { AdminStatus, RoundRecord, TaskFile, TaskRecord } from '@hansa/shared/protocol';
import { type ProcessGroup, processFailed } from './childProcess.ts';
import { readWords, sumHash } from './exactness.ts';
import { victimOf } from './killPlan.ts';
import { type Coordinator, type Node, startNode } from './league.ts';

const pollMs = 200;
/** While a node is to be caught between its key shares and its vector: a quick one trains for a fraction of a second. */
const catchMs = 20;

/** What the demo does to a league while it trains, and what it tells about it. */
export interface TrainingPlan {
  readonly task: TaskFile;
  readonly modelHash: string;
  /** Kill one node from this round on; undefined leaves all alive. */
  readonly killFromRound: number | undefined;
  readonly preferredVictim: Node | undefined;
}

export interface TrainingEvents {
  status(status: AdminStatus): void;
  killed(node: Node, round: number): void;
  /** The kill came too late: its update had just been sent. A later round tries again. */
  killedLate(node: Node): void;
  restarted(node: Node): void;
  /** A round has ended; `sumExact` is undefined where no sum was opened. */
  round(record: RoundRecord, sumExact: boolean | undefined): void;
}

export interface Training {
  readonly task: TaskRecord;
  readonly rounds: readonly RoundRecord[];
  /** By attempt. */
  readonly exact: ReadonlyMap<number, boolean>;
  readonly killed: { readonly node: Node; readonly attempt: number } | undefined;
}

/**
 * Runs one task to its end, and on the way kills one node between its key shares and its vector and starts it again.
 *
 * Pilots go through here too: same nodes, another task file.
 *
 * @throws HansaError ProcessFailed (when a process ends by itself, or the task fails or is aborted)
 */
export async function train(
  plan: TrainingPlan,
  coordinator: Coordinator,
  nodes: readonly Node[],
  processes: ProcessGroup,
  signal: AbortSignal,
  events: TrainingEvents,
): Promise<Training> {
  const { admin } = coordinator;
  const created = await admin.createTask({ task: plan.task, modelHash: plan.modelHash });
  const exact = new Map<number, boolean>();
  let killed: { node: Node; attempt: number } | undefined;
  let isLate = false;
  let told = 0;
  for (;;) {
    signal.throwIfAborted();
    // Read before the rounds: a task that is done then has all its records.
    const status = await admin.status();
    const rounds = await admin.rounds(created.id);
    const task = status.tasks.find(({ id }) => id === created.id) ?? created;
    events.status(status);

    for (const record of rounds.slice(told)) {
      const sumExact = isSumExact(record, nodes);
      if (sumExact !== undefined) exact.set(record.attempt, sumExact);
      events.round(record, sumExact);
      if (record.attempt === killed?.attempt && record.reported.includes(killed.node.clientId)) isLate = true;
    }
    told = rounds.length;

    if (killed === undefined && plan.killFromRound !== undefined && plan.preferredVictim !== undefined) {
      const victim = victimOf(status.running, plan.killFromRound, plan.preferredVictim.clientId);
      const node = nodes.find(({ clientId }) => clientId === victim);
      if (node?.process !== undefined && status.running !== undefined) {
        node.process.kill('SIGKILL');
        await node.process.exited;
        killed = { node, attempt: status.running.attempt };
        events.killed(node, status.running.round);
      }
    }
    if (killed !== undefined && killed.node.process?.running() === false && isMissed(killed, status, told)) {
      startNode(processes, killed.node);
      events.restarted(killed.node);
    }
    if (killed !== undefined && isLate && killed.node.process?.running() === true) {
      events.killedLate(killed.node);
      killed = undefined;
      isLate = false;
    }

    if (task.state === 'completed') return { task, rounds, exact, killed };
    if (task.state === 'failed' || task.state === 'aborted') {
      throw new HansaError('ProcessFailed', `The task ${task.state}: ${task.reason ?? 'no reason was given'}`, {
        who: coordinator.process.name,
        log: coordinator.process.log,
      });
    }
    await assertAlive(coordinator, nodes, killed?.node);
    const isCatching = killed === undefined && (status.running?.round ?? 0) >= (plan.killFromRound ?? Infinity);
    await delay(isCatching ? catchMs : pollMs, undefined, { signal });
  }
}

/** Whether the coordinator has noticed that a node is gone: it counts it as dropped, or the attempt is over. */
function isMissed(killed: { node: Node; attempt: number }, { running }: AdminStatus, ended: number): boolean {
  const member = running?.members.find(({ client }) => client === killed.node.clientId);
  return ended >= killed.attempt || (running?.attempt === killed.attempt && member?.stage === 'dropped');
}

/** Compares the unmasked sum of a committed round with the quantised updates that the nodes that reported kept. */
function isSumExact(record: RoundRecord, nodes: readonly Node[]): boolean | undefined {
  if (record.outcome !== 'committed') return undefined;
  const files = record.reported.map((client) => {
    const node = nodes.find(({ clientId }) => clientId === client);
    if (node === undefined) throw new RangeError(`a round of a node that the demo did not enrol: ${client}`);
    return keptUpdate(node, record);
  });
  return files.length > 0 && sumHash(files.map(readWords)) === record.sumHash;
}

/** A node's own quantised update of a round, before its masks; `masked` is the same as it left. */
export function keptUpdate(
  node: Node,
  { taskId, round, attempt }: Pick<RoundRecord, 'taskId' | 'round' | 'attempt'>,
  masked = false,
): string {
  return join(node.folder, 'updates', `${taskId}-${round}-${attempt}${masked ? '.masked' : ''}.u32`);
}

async function assertAlive(coordinator: Coordinator, nodes: readonly Node[], killed: Node | undefined): Promise<void> {
  const expected = nodes.filter((node) => node !== killed).map(({ process }) => process);
  for (const process of [coordinator.process, ...expected]) {
    if (process !== undefined && !process.running()) throw processFailed(process, await process.exited);
  }
}
