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
  /** cᵢ; undefined where this node begins, or begins anew, with c. */
  readonly own: string | undefined;
  /** Where cᵢ⁺ is to be written. */
  readonly next: string;
  /** Whether this node had a cᵢ of this task, and it is not there or not the newest: c keeps what it was, and the node begins anew. */
  readonly isLost: boolean;
}

interface ControlRound {
  readonly taskId: string;
  readonly controlHash: Uint8Array;
  /** Numbers that the task trains. */
  readonly length: number;
  /** Whether this node's update is in a sum of that round. */
  readonly hasSigned: (round: number) => boolean;
  readonly signal: AbortSignal;
}

/**
 * SCAFFOLD's control variates on this node's disk: c of each round, fetched and held against its hash, and its own.
 *
 * A round's cᵢ⁺ lies beside cᵢ until the next c says that the round was committed; then it is cᵢ. So it does not matter when either side stops: what counts is
 * whether the node signed for the round's sum, which its journal has, and whether the sum is in c, which c's file has.
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
   * @throws HansaError ModelMismatch, InvalidModelFile (when c's file is not one of this task), StorageFull
   * @throws as {@link ModelStore.fetch}
   */
  async prepare({ taskId, controlHash, length, hasSigned, signal }: ControlRound): Promise<RoundControls> {
    const [own, next] = [this.#own(taskId), this.#next(taskId)];
    if (equalBytes(controlHash, noControl)) return { common: undefined, own: undefined, next, isLost: false };
    const hash = Buffer.from(controlHash).toString('hex');
    const common = await this.#common.fetch(hash, { maxBytes: length * 4 + HEADER_ROOM_BYTES, signal });
    await this.#common.keepOnly(new Set([hash]));
    const { rounds } = readControlHeader(await readHeaderOfFile(common), { taskId, length });
    const joined = rounds.filter(hasSigned).at(-1);
    if (joined === undefined) return { common, own: undefined, next, isLost: false };
    if ((await roundOf(next, taskId, length)) === joined) await writing(own, () => rename(next, own));
    const isThere = (await roundOf(own, taskId, length)) === joined;
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

/** The round that made a member's control variate; undefined where there is no usable file. */
async function roundOf(path: string, taskId: string, length: number): Promise<number | undefined> {
  try {
    return readControlHeader(await readHeaderOfFile(path), { taskId, length }).rounds.at(-1);
  } catch (error) {
    if (error instanceof HansaError) return undefined;
    throw error;
  }
}
