import { HansaError } from '@hansa/shared/errors';
import { type Architecture, architectureOf, type ModelSize, manifestFor, modelSizes } from '@hansa/shared/model';
import { parameterCount } from '@hansa/shared/numeric';
import { startOnEngine } from '../compute/engineTrial.ts';
import { PAST_PATCHES } from '../data/index.ts';
import type { EngineName } from '../engines/engine.ts';

/** The round that is forecast: as many steps of as many windows. */
export const FORECAST_STEPS = 40;
export const FORECAST_BATCH = 16;

/** Tokens of a window: CLS, the static one, past and future patches. */
const TOKENS = 2 + PAST_PATCHES + 4;

/** A step that is expected to take longer is not taken but reckoned from a smaller model's. */
const LONGEST_STEP_MS = 10_000;

/** What a training step takes of a machine. */
export interface StepCost {
  /** Milliseconds of a step of FORECAST_BATCH windows. */
  readonly stepMs: number;
  /** The most resident memory of the training process. */
  readonly peakMemoryBytes: number;
}

export interface SizeForecast extends StepCost {
  readonly size: ModelSize;
  /** Numbers in the model. */
  readonly parameters: number;
  /** Whether it was measured, or reckoned from the largest size that was. */
  readonly measured: boolean;
  /** Seconds of a round's training: FORECAST_STEPS such steps. */
  readonly roundSeconds: number;
}

/**
 * What training takes on an engine, for each size of the model: steps of the product's own training, on made-up windows, each size in a process of its own.
 *
 * @param onSize told what is measured next
 * @throws HansaError EngineUnusable with the reason; Interrupted when the signal aborts
 */
export async function forecastTraining(
  engine: EngineName,
  signal: AbortSignal,
  onSize: (size: ModelSize) => void = () => undefined,
): Promise<SizeForecast[]> {
  const found: SizeForecast[] = [];
  for (const size of modelSizes) {
    const last = found.at(-1);
    const reckoned = last && reckonedFrom(last, size, found[0]!);
    const isWithin = reckoned === undefined || (last?.measured === true && reckoned.stepMs < LONGEST_STEP_MS);
    if (isWithin) onSize(size);
    const cost = isWithin ? await measureTraining(engine, size, signal) : reckoned!;
    found.push({
      size,
      parameters: parameterCount(manifestFor(architectureOf(size))),
      measured: isWithin,
      roundSeconds: (FORECAST_STEPS * cost.stepMs) / 1000,
      ...cost,
    });
  }
  return found;
}

async function measureTraining(engine: EngineName, size: ModelSize, signal: AbortSignal): Promise<StepCost> {
  let cost: StepCost | undefined;
  const child = await startOnEngine(new URL('./forecastChild.ts', import.meta.url), engine, {
    signal,
    parameters: [size],
    onMessage: (message) => {
      cost = message as StepCost;
    },
  });
  const onAbort = () => child.kill();
  signal.addEventListener('abort', onAbort, { once: true });
  const reason = await child.ended;
  signal.removeEventListener('abort', onAbort);
  if (signal.aborted) throw new HansaError('Interrupted', 'Stopped while a training step was being measured.');
  if (cost === undefined) throw new HansaError('EngineUnusable', `A step of the ${size} model: ${reason}`);
  return cost;
}

/** From a smaller model: time with its multiplications, memory above what any process takes with its numbers. */
function reckonedFrom(last: SizeForecast, size: ModelSize, smallest: StepCost): StepCost {
  const [from, to] = [architectureOf(last.size), architectureOf(size)];
  const numbers = parameterCount(manifestFor(to)) / last.parameters;
  return {
    stepMs: (last.stepMs * multiplications(to)) / multiplications(from),
    peakMemoryBytes:
      smallest.peakMemoryBytes + Math.max(0, last.peakMemoryBytes - smallest.peakMemoryBytes) * Math.max(1, numbers),
  };
}

/** Multiplications of one window's forward pass through the encoder: products with weights, and attention. */
function multiplications({ encoder }: Architecture): number {
  const { hiddenSize, feedForwardSize, layers } = encoder;
  const weights = 4 * hiddenSize * hiddenSize + 2 * hiddenSize * feedForwardSize;
  return layers * TOKENS * (weights + 2 * TOKENS * hiddenSize);
}
