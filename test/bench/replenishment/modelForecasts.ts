import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataConfigSchema } from '@hansa/client-node/jobs/demand';
import { initialWeights, writeModelFile } from '@hansa/client-node/model';
import type { TrainResult } from '@hansa/client-node/trainer';
import { architectureOf } from '@hansa/shared/model';
import { localTrainingSchema } from '@hansa/shared/protocol';
import { readForecasts } from '../../../client-node/forecasting/readForecasts.ts';
import { requestRunner } from '../../../client-node/trainer/performRequests.ts';
import type { ToDate } from './simpleForecasts.ts';

const MODEL_SEED = 1;
/** That training is tried at. */
const LEARNING_RATES = [0.0003, 0.001, 0.003];
const context = { signal: new AbortController().signal, onProgress: () => undefined };

/** The product's own forecasts of what `weeks.parquet` in a folder holds, from any week on. */
export class ModelForecasts {
  readonly #folder: string;
  readonly #runner = requestRunner();
  readonly untrained: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.untrained = join(folder, 'untrained.safetensors');
  }

  /** Writes an untrained nano model: the mean of simple forecasts. */
  async writeUntrained(): Promise<void> {
    const architecture = architectureOf('nano');
    await writeModelFile(this.untrained, architecture, initialWeights(architecture, MODEL_SEED));
  }

  /** Loads what was sold before a Monday; all locations are one merchant. */
  async load(before: string): Promise<void> {
    const columns = { date: 'day', item: 'item', location: 'location', quantity: 'units' };
    const data = dataConfigSchema.parse({
      sources: [{ file: 'weeks.parquet', columns, before }],
      frequency: 'week',
      returns: 'none',
    });
    await this.#runner.run('load', { data: [data], baseFolder: this.#folder, scratchFolder: this.#folder }, context);
  }

  /** Trains the untrained model on what was loaded, at several learning rates. Resolves to the file of the one with the least validation loss. */
  async train(steps: number, say: (text: string) => void): Promise<string> {
    let best = { path: this.untrained, loss: await this.#validationLoss(this.untrained) };
    say(`  untrained: validation loss ${best.loss.toFixed(4)}`);
    for (const learningRate of LEARNING_RATES) {
      const path = await this.#trainAt(learningRate, steps);
      const loss = await this.#validationLoss(path);
      say(`  learning rate ${learningRate}: validation loss ${loss.toFixed(4)}`);
      if (loss < best.loss) best = { path, loss };
    }
    return best.path;
  }

  async #trainAt(learningRate: number, steps: number): Promise<string> {
    // The weights of the best check on the validation weeks are kept: a model that overfits is not.
    const training = { steps, learningRate, warmupSteps: 20, earlyStop: { everySteps: 50, patience: 4 } };
    const { updateFile } = await this.#run(this.untrained, training);
    const architecture = architectureOf('nano');
    const weights = initialWeights(architecture, MODEL_SEED);
    const bytes = readFileSync(updateFile);
    const update = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    if (update.length !== weights.length) throw new RangeError('the update is not as long as the model');
    const path = join(this.#folder, `trained-${learningRate}.safetensors`);
    await writeModelFile(
      path,
      architecture,
      weights.map((value, at) => value + update[at]!),
    );
    return path;
  }

  /** A round's validation loss is that of the model as it was received. */
  async #validationLoss(modelFile: string): Promise<number> {
    return (await this.#run(modelFile, { steps: 1, learningRate: 1e-6 })).validationLoss;
  }

  async #run(modelFile: string, settings: object): Promise<{ updateFile: string; validationLoss: number }> {
    const updateFile = join(this.#folder, 'update.f32');
    const training = localTrainingSchema.parse({ batchSize: 32, ...settings });
    const request = { modelFile, job: 'demand', round: 1, rounds: 1, training, updateFile, seed: 'replenishment' };
    const { validationLoss } = (await this.#runner.run('train', request, context)) as TrainResult;
    return { updateFile, validationLoss };
  }

  /** Forecasts all series from the week after what was loaded; by item and location, joined by a NUL. */
  async forecast(modelFile: string, weeks: number): Promise<ReadonlyMap<string, ToDate & { readonly from: string }>> {
    const out = join(this.#folder, 'forecasts.jsonl');
    await this.#runner.run('forecast', { modelFile, job: 'demand', periods: weeks, out }, context);
    const found = new Map<string, ToDate & { readonly from: string }>();
    for await (const { item, location, periods, quantilesToDate, meanToDate } of readForecasts(out))
      found.set(`${item}\0${location}`, { quantilesToDate, meanToDate, from: periods[0]! });
    return found;
  }
}
