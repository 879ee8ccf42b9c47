import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { type Plan, planSchema, sha256HexSchema, taskIdSchema } from '@hansa/shared/protocol';
import { z } from 'zod';
import { writeWhole } from '../ledger/files.ts';
import { readStoredPlan } from './storedPlan.ts';

const entrySchema = z.strictObject({
  formatVersion: z.literal(1),
  taskId: taskIdSchema,
  /** JSON text of the plan as the coordinator sent it: its hash is part of every signed configuration. */
  planText: z.string(),
  /** The newest model of the task that this node knows of, and how many committed rounds made it (0: the start). */
  modelHash: sha256HexSchema,
  committedRounds: z.int().min(0),
  /** Rounds whose sum holds this node's update. */
  roundsJoined: z.int().min(0),
  outcome: z.enum(['running', 'completed', 'aborted']),
  updatedAt: z.iso.datetime(),
});
type Entry = z.output<typeof entrySchema>;

/** One task as this node has seen it. */
export interface TaskEntry extends Entry {
  readonly plan: Plan;
}

/** The tasks that this node has taken part in, a file each. */
export interface TaskBook {
  get(taskId: string): TaskEntry | undefined;
  /** Newest first. */
  all(): TaskEntry[];
  /** Takes in a task's plan; a task that is known keeps its record. @throws HansaError PolicyRefused (when the plan of a known task has changed) */
  accept(taskId: string, planText: string): Promise<TaskEntry>;
  update(
    taskId: string,
    change: Partial<Pick<Entry, 'modelHash' | 'committedRounds' | 'roundsJoined' | 'outcome'>>,
  ): Promise<void>;
  /** The first and the newest model of every task, and the one its adapters belong to. */
  modelsInUse(): Set<string>;
}

/** Reads a plan. @throws HansaError InvalidMessage (when the text is none) */
export function parsePlan(planText: string): Plan {
  let value: unknown;
  try {
    value = JSON.parse(planText);
  } catch {
    throw new HansaError('InvalidMessage', 'The plan of the assignment is not JSON.');
  }
  const parsed = planSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const places = [...new Set(parsed.error.issues.map((issue) => issue.path.map(String).join('.') || 'its top level'))];
  throw new HansaError(
    'InvalidMessage',
    `The plan of the assignment is malformed at ${places.slice(0, 8).join(', ')}.`,
  );
}

/** SHA-256 of a plan's text: what `planHash` of a set-up's configuration must be. */
export function planHashOf(planText: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(planText).digest());
}

/** Opens the records in `folder`; a damaged one is left out, since it can be learned again. */
export function openTaskBook(folder: string, now: () => number): TaskBook {
  const entries = new Map<string, TaskEntry>();
  for (const name of readdirSync(folder)) {
    const entry = name.endsWith('.json') ? readEntry(join(folder, name)) : undefined;
    if (entry !== undefined) entries.set(entry.taskId, entry);
  }
  const save = async (entry: Entry): Promise<TaskEntry> => {
    const stored = { ...entry, updatedAt: new Date(now()).toISOString() };
    const full = { ...stored, plan: readStoredPlan(entry.planText) };
    await writeWhole(
      join(folder, `${entry.taskId}.json`),
      `${JSON.stringify(entrySchema.parse(strip(stored)), null, 2)}\n`,
    );
    entries.set(entry.taskId, full);
    return full;
  };
  return {
    get: (taskId) => entries.get(taskId),
    all: () => [...entries.values()].sort((a, b) => b.updatedAt.localeCompare(a.updatedAt)),
    async accept(taskId, planText) {
      const known = entries.get(taskId);
      if (known !== undefined) {
        if (known.planText !== planText) {
          throw new HansaError('PolicyRefused', 'The plan of this task is not the one that it began with.');
        }
        return known;
      }
      const plan = parsePlan(planText);
      return save({
        formatVersion: 1,
        taskId,
        planText,
        modelHash: plan.initialModelHash,
        committedRounds: 0,
        roundsJoined: 0,
        outcome: 'running',
        updatedAt: new Date(now()).toISOString(),
      });
    },
    async update(taskId, change) {
      const entry = entries.get(taskId);
      if (entry !== undefined) await save({ ...entry, ...change });
    },
    modelsInUse() {
      return new Set(
        [...entries.values()].flatMap(({ plan, modelHash }) => [
          plan.initialModelHash,
          modelHash,
          ...(plan.baseModelHash === undefined ? [] : [plan.baseModelHash]),
        ]),
      );
    },
  };
}

function strip(entry: Entry & { plan?: Plan }): Entry {
  const { plan: _plan, ...stored } = entry;
  return stored;
}

function readEntry(path: string): TaskEntry | undefined {
  try {
    const entry = entrySchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    return { ...entry, plan: readStoredPlan(entry.planText) };
  } catch {
    return undefined;
  }
}
