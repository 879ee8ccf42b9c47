import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { equalBytes } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { readHeaderOfFile } from '@hansa/shared/numeric';
import { readControlHeader } from '@hansa/shared/protocol';
import { noControl } from '@hansa/shared/protocol/secagg';
import { writing } from '../ledger/files.ts';
import type { ModelStore } from './modelStore.ts';

/** Bytes that a control variate's file may have beside its numbers. */
const HEADER_ROOM_BYTES = 1024 * 1024 + 8;

/** Where a round's control variates lie. */
export interface RoundControls {
  /** c; undefined where it is zero. */
  readonly common: string | undefined;
  /** cᵢ; undefined where this node begins, or starts over, with c. */
  readonly own: string | undefined;
  /** Where cᵢ⁺ is to be written. */
  readonly next: string;
  /** Whether c holds changes of this node's cᵢ, and the cᵢ that they led to is not there: c keeps them, and the node starts over. */
  readonly isLost: boolean;
}

interface ControlRound {
  readonly taskId: string;
  readonly controlHash: Uint8Array;
  /** Numbers that the task trains. */
  readonly length: number;
  /** The round that begins. */
  readonly round: number;
  /** This node's roster index. */
  readonly member: number;
  readonly signal: AbortSignal;
}

/**
 * SCAFFOLD's control variates on this node's disk: c of each round, fetched and held against its hash, and its own.
 *
 * A round's cᵢ⁺ lies beside cᵢ until the file of a later c names that round as the newest whose sum has this node's update; then it is cᵢ. So it does not matter
 * when either side stops, nor whether the node signed: a sum is made without a signature of each member in it, and one that was signed may be left out of c.
 */
export class Controls {
  readonly #folder: string;
  readonly #common: ModelStore;

  /** @param common holds the files of c */
  constructor(folder: string, common: ModelStore) {
    this.#folder = folder;
    this.#common = common;
  }

  /**
   * Fetches c and settles which cᵢ the round begins with.
   *
   * @throws HansaError ModelMismatch, InvalidModelFile (when c's file is not one of this task and round), StorageFull
   * @throws as {@link ModelStore.fetch}
   */
  async prepare({ taskId, controlHash, length, round, member, signal }: ControlRound): Promise<RoundControls> {
    const [own, next] = [this.#own(taskId), this.#next(taskId)];
    if (equalBytes(controlHash, noControl)) return { common: undefined, own: undefined, next, isLost: false };
    const hash = Buffer.from(controlHash).toString('hex');
    const common = await this.#common.fetch(hash, { maxBytes: length * 4 + HEADER_ROOM_BYTES, signal });
    await this.#common.keepOnly(new Set([hash]));
    const { lastRounds } = readControlHeader(await readHeaderOfFile(common), { taskId, length });
    for (const last of lastRounds.values())
      if (last >= round)
        throw new HansaError('ModelMismatch', `The c of round ${round} says that it holds the sum of round ${last}.`);
    const last = lastRounds.get(member);
    if (last === undefined) return { common, own: undefined, next, isLost: false };
    const isOfLast = async (path: string) => (await lastRoundIn(path, member, { taskId, length })) === last;
    if (await isOfLast(next)) await writing(own, () => rename(next, own));
    const isThere = await isOfLast(own);
    return { common, own: isThere ? own : undefined, next, isLost: !isThere };
  }

  /** Deletes what is kept of a task. */
  async forget(taskId: string): Promise<void> {
    for (const path of [this.#own(taskId), this.#next(taskId)]) await rm(path, { force: true });
  }

  #own(taskId: string): string {
    return join(this.#folder, `${taskId}.safetensors`);
  }

  #next(taskId: string): string {
    return join(this.#folder, `${taskId}.next.safetensors`);
  }
}

/** The round that made the member's control variate; undefined where there is no usable file. */
async function lastRoundIn(
  path: string,
  member: number,
  task: { readonly taskId: string; readonly length: number },
): Promise<number | undefined> {
  try {
    return readControlHeader(await readHeaderOfFile(path), task).lastRounds.get(member);
  } catch (error) {
    if (error instanceof HansaError) return undefined;
    throw error;
  }
}
