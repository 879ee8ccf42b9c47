import type { ClientEffect } from '@hansa/aggregation/secagg/client';
import { rotationSeed } from '@hansa/aggregation/secagg/encoding';
import { MOST_WORD_BYTES } from '@hansa/shared/model';
import type { Plan } from '@hansa/shared/protocol';
import type { NodeConfig } from '../../config/nodeConfig.ts';
import type { NodeFolder } from '../../ledger/nodeFolder.ts';
import type { ModelFiles, Trainer, TrainRequest, TrainResult } from '../../trainer/index.ts';
import { checkModel, type OpenContribution, openContribution } from '../localRound.ts';
import { adapterOf, MAX_MODEL_BYTES, type ModelStore } from '../modelStore.ts';
import { type ControlPorts, fetchControl } from './fetchControl.ts';
import type { StageReport } from './stageReport.ts';

/** Bytes that a model's or an adapter's file may have beside the numbers that a round trains: its header, and what lies in it untrained. */
const HEADER_ROOM_BYTES = 1024 * 1024 + 8;
const ROOM_BYTES: Readonly<Record<Plan['mode']['kind'], (trained: number) => number>> = {
  full: () => HEADER_ROOM_BYTES + MOST_WORD_BYTES,
  headOnly: () => HEADER_ROOM_BYTES,
  lora: () => HEADER_ROOM_BYTES,
  // The other factor, which is at most as large.
  roLora: (trained) => HEADER_ROOM_BYTES + trained * 4,
};

/** What a round trains, and where. */
export interface RoundOrder {
  readonly taskId: string;
  readonly plan: Plan;
  /** The model that the round is bound to, and the set-up's configuration. */
  readonly bound: Extract<ClientEffect, { readonly type: 'prepareRound' }>;
  readonly updateFile: string;
  readonly checkpointFile: string;
}

export interface TrainPorts extends ControlPorts {
  readonly folder: NodeFolder;
  readonly training: NodeConfig['training'];
  readonly models: ModelStore;
  trainer(): Promise<Trainer>;
  /** A trainer that failed is not asked again. */
  trainerFailed(): Promise<void>;
}

/**
 * Downloads the model of a round and what its strategy has beside it, checks them and trains from them: this node's contribution, not masked yet.
 *
 * @throws HansaError ModelMismatch, InvalidModelFile (when a file is not what the set-up was made for)
 * @throws what the download or the trainer throws
 * @throws the signal's reason
 */
export async function trainRound(
  order: RoundOrder,
  report: StageReport,
  ports: TrainPorts,
  signal: AbortSignal,
): Promise<OpenContribution> {
  const { plan, bound, updateFile } = order;
  const files = await download(order, report, ports, signal);
  const control = await fetchControl(order.taskId, plan, bound, ports, signal);
  const result = await train(order, { ...files, control }, report, ports, signal);
  signal.throwIfAborted();
  const { steps, examplesAtOnce, peakMemoryBytes, seconds } = result;
  ports.log.info({ round: bound.round, steps, examplesAtOnce, peakMemoryBytes, seconds }, 'trained');
  report.done('training', steps);
  const seed = rotationSeed(bound.config, bound.modelHash, bound.round);
  return openContribution(updateFile, bound.config, plan, result, seed);
}

async function download(
  { plan, bound: { round, modelHash, config } }: RoundOrder,
  report: StageReport,
  { models, folder }: TrainPorts,
  signal: AbortSignal,
): Promise<ModelFiles> {
  const onProgress = (done: number, total: number): void => report.progress('downloading', done, total);
  const maxBytes = config.vectorLength * 4 + ROOM_BYTES[plan.mode.kind](config.vectorLength);
  const modelFile = await models.fetch(Buffer.from(modelHash).toString('hex'), { maxBytes, signal, onProgress });
  const job = plan.job.kind;
  await checkModel(modelFile, config, { mode: plan.mode, job, strategy: plan.strategy }, round);
  const adapter = adapterOf(plan, folder);
  if (adapter !== undefined && plan.baseModelHash !== undefined)
    await models.fetch(plan.baseModelHash, { maxBytes: MAX_MODEL_BYTES, signal, onProgress });
  return { modelFile, job, adapter };
}

async function train(
  { plan, bound: { round }, updateFile, checkpointFile }: RoundOrder,
  files: ModelFiles & Pick<TrainRequest, 'control'>,
  report: StageReport,
  { training, trainer, trainerFailed }: TrainPorts,
  signal: AbortSignal,
): Promise<TrainResult> {
  const running = await trainer();
  report.begin('training', plan.training.steps);
  const request = {
    ...files,
    round,
    rounds: plan.rounds,
    training: plan.training,
    updateFile,
    checkpoint: { file: checkpointFile, everyMs: training.checkpointSeconds * 1000 },
    maxMemoryBytes: training.maxMemoryBytes,
    seed: `${plan.seed}/${round}`,
  };
  try {
    return await running.train(
      request,
      ({ step, steps, loss, resumed }) => {
        if (resumed) report.resumed(step, steps);
        report.progress('training', step, steps, loss);
      },
      signal,
    );
  } catch (error) {
    if (!signal.aborted) await trainerFailed();
    throw error;
  }
}
