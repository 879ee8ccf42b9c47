import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClientEffect, type ClientEvent, wipeMaskPlan } from '@hansa/aggregation/secagg/client';
import { byteLengthOf } from '@hansa/aggregation/secagg/encoding';
import type { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { HansaError } from '@hansa/shared/errors';
import type { Plan } from '@hansa/shared/protocol';
import type { Connection } from '../connection.ts';
import { keepUpdate, maskToFile, type OpenContribution } from '../localRound.ts';
import { StageReport, type StageReportPorts } from './stageReport.ts';
import { type TrainPorts, trainRound } from './trainRound.ts';
import { uploadVector } from './uploadVector.ts';

type Effect<Type extends ClientEffect['type']> = Extract<ClientEffect, { readonly type: Type }>;

/** What the end of a piece of work is to the set-up's reducer. */
export type WorkDone = Extract<ClientEvent, { readonly type: 'prepared' | 'maskedVector' | 'vectorSent' }>;

/**
 * How far the work is: waiting → expanding → training → trained → masking → masked ⇄ uploading, and from each of them to closed.
 *
 * A state holds what is there in it and nothing else: `masks` is the sum of all masks, in memory alone, from M3 until the vector is masked.
 */
type PipelineState =
  | { readonly at: 'waiting' }
  | { readonly at: 'expanding'; readonly masks: Promise<Uint8Array> }
  | { readonly at: 'training'; readonly masks: Promise<Uint8Array> }
  | (Contributed & { readonly at: 'trained' })
  | (Contributed & { readonly at: 'masking' })
  | (Reported & { readonly at: 'masked' })
  | (Reported & { readonly at: 'uploading' })
  | { readonly at: 'closed' };

interface Reported {
  readonly round: number;
  readonly report: StageReport;
}

interface Contributed extends Reported {
  readonly masks: Promise<Uint8Array>;
  readonly contribution: OpenContribution;
}

/** The set-up whose work it is. */
export interface PipelineSetup {
  readonly taskId: string;
  /** `seq` of its OPEN. */
  readonly attempt: number;
  readonly plan: Plan;
}

export interface PipelinePorts extends TrainPorts, StageReportPorts {
  /** Expand a round's masks while it trains. */
  readonly threads: MaskThreads;
  readonly connection: Connection;
  /** A piece of work is done. */
  done(event: WorkDone): void;
  /** A piece of work has failed; nothing else is begun then but {@link RoundPipeline.close}. */
  failed(error: unknown): void;
  /** The coordinator refused the vector: it came too late for the round. */
  refused(error: HansaError): void;
}

/**
 * A node's work in one round: download, train, mask, upload.
 *
 * Each method begins a piece of work, which runs beside the set-up's messages, and returns at once; `done` tells of its end, unless the pipeline was
 * closed meanwhile. They must come in the set-up's order.
 *
 * @throws RangeError (from a method that is called out of order)
 */
export class RoundPipeline {
  readonly #setup: PipelineSetup;
  readonly #ports: PipelinePorts;
  readonly #files: { readonly update: string; readonly checkpoint: string; readonly masked: string };
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #state: PipelineState = { at: 'waiting' };

  constructor(setup: PipelineSetup, ports: PipelinePorts) {
    this.#setup = setup;
    this.#ports = ports;
    const name = join(ports.folder.spool, `${setup.taskId}-${setup.attempt}`);
    this.#files = { update: `${name}.update.f32`, checkpoint: `${name}.checkpoint`, masked: `${name}.masked` };
  }

  /** Begins to expand the round's masks; the plan is wiped once they are there. */
  expandMasks(effect: Effect<'expandMasks'>): void {
    this.#in('waiting');
    const masks = this.#masksOf(effect);
    // What went wrong is told when they are needed.
    masks.catch(() => undefined);
    this.#state = { at: 'expanding', masks };
  }

  /** Begins to download the round's model and to train from it. */
  prepare(bound: Effect<'prepareRound'>): void {
    const { masks } = this.#in('expanding');
    this.#state = { at: 'training', masks };
    const { taskId, plan } = this.#setup;
    const { round, modelHash } = bound;
    const report = new StageReport(taskId, round, this.#ports);
    const order = { taskId, plan, bound, updateFile: this.#files.update, checkpointFile: this.#files.checkpoint };
    this.#begin(async (signal) => {
      const contribution = await trainRound(order, report, this.#ports, signal);
      this.#state = { at: 'trained', round, report, masks, contribution };
      this.#ports.done({ type: 'prepared', modelHash, nowMs: this.#ports.clock.now() });
    });
  }

  /** Begins to mask the update into a file, once for a set-up. */
  mask({ byteLength }: Effect<'mask'>): void {
    const trained = this.#in('trained');
    this.#state = { ...trained, at: 'masking' };
    const { round, report, masks, contribution } = trained;
    const { update, masked } = this.#files;
    this.#begin(async (signal) => {
      report.begin('masking', byteLength);
      const vector = await maskToFile(contribution.contribution, await masks, masked, signal);
      if (this.#ports.training.keepUpdates) {
        const name = `${this.#setup.taskId}-${round}-${this.#setup.attempt}`;
        await keepUpdate(contribution.contribution, masked, this.#ports.folder.updates, name, signal);
      }
      contribution.close();
      this.#state = { at: 'masked', round, report };
      await rm(update, { force: true });
      report.done('masking', byteLength);
      this.#ports.done({ type: 'maskedVector', ...vector, nowMs: this.#ports.clock.now() });
    });
  }

  /** Begins to upload the masked vector. It is asked for again when M3 comes again; while it is on its way already, nothing is begun. */
  upload({ header }: Effect<'upload'>): void {
    if (this.#state.at === 'uploading') return;
    const { round, report } = this.#in('masked');
    this.#state = { at: 'uploading', round, report };
    this.#begin(async (signal) => {
      const refusal = await uploadVector(this.#ports.connection, {
        header,
        file: this.#files.masked,
        signal,
        onProgress: (done, total) => report.progress('uploading', done, total),
        onSent: () => this.#ports.done({ type: 'vectorSent' }),
      });
      this.#state = { at: 'masked', round, report };
      // The set-up ends when the coordinator says so; nothing more is sent for it.
      if (refusal !== undefined) this.#ports.refused(refusal);
      else report.done('uploading', header.byteLength);
    });
  }

  /** Ends whatever runs, overwrites the masks and removes the round's files. */
  async close(): Promise<void> {
    this.#closing.abort(new HansaError('Interrupted', 'The set-up is over.'));
    await Promise.allSettled(this.#running);
    const state = this.#state;
    this.#state = { at: 'closed' };
    if ('masks' in state)
      await state.masks.then(
        (sum) => sum.fill(0),
        () => undefined,
      );
    if ('contribution' in state) state.contribution.close();
    for (const file of Object.values(this.#files)) await rm(file, { force: true }).catch(() => undefined);
  }

  #in<At extends PipelineState['at']>(at: At): Extract<PipelineState, { readonly at: At }> {
    if (this.#state.at !== at) throw new RangeError(`a round's work is ${this.#state.at}, not ${at}`);
    return this.#state as Extract<PipelineState, { readonly at: At }>;
  }

  #begin(work: (signal: AbortSignal) => Promise<void>): void {
    const { signal } = this.#closing;
    const running = work(signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#ports.failed(error);
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** All masks of the round as one, in memory alone: a crash leaves nothing of it. */
  async #masksOf({ plan, config }: Effect<'expandMasks'>): Promise<Uint8Array> {
    const sum = new Uint8Array(byteLengthOf(config));
    const add = (at: number, part: Uint8Array): void => sum.set(part, at);
    try {
      await this.#ports.threads.expand(config, [plan.self, ...plan.pairs], add, this.#closing.signal);
      return sum;
    } catch (error) {
      sum.fill(0);
      throw error;
    } finally {
      wipeMaskPlan(plan);
    }
  }
}
