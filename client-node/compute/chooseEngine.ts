import { HansaError } from '@hansa/shared/errors';
import { type Device, type EngineName, engineNames, isNative, missingPart } from '../engines/engine.ts';
import { endOf, startOnEngine, type TrialLimits } from './engineTrial.ts';
import type { StepTimes } from './exercise.ts';

/** Which engine computes here, and why not a better one. */
export interface EngineChoice {
  readonly name: EngineName;
  /** In a few words, for a person: why this one. */
  readonly reason: string;
  /** One line that tells how to get a better engine; undefined where a native one is chosen or one was asked for. */
  readonly better?: string;
  /** Engines that do not work here, with what is in their way. */
  readonly passedOver: readonly { readonly name: EngineName; readonly reason: string }[];
  /** The engines that were measured, the best first; none where there was nothing to choose between. */
  readonly measured: readonly Measured[];
}

export interface Measured extends Measurement {
  readonly name: EngineName;
}

/** What a trial of an engine found. */
export interface Measurement extends StepTimes {
  readonly device: Device;
}

/** An engine that takes longer to be measured hangs, or is nothing to train on. */
const MEASURING_MS = 120_000;

const tryOut = new URL('./tryOut.ts', import.meta.url);

/** What gets the native engine. */
const NATIVE_INSTALL = 'npx hansa-client native install';

/** What to do where an engine does not work here; plain JavaScript always does. */
export const engineRemedies: Readonly<Record<EngineName, string>> = {
  'tfjs-node-gpu': `on a machine with an NVIDIA card and its driver: ${NATIVE_INSTALL} --gpu`,
  'tfjs-node': NATIVE_INSTALL,
  webgpu: 'on a machine with any graphics card: npm install --no-save webgpu @tensorflow/tfjs-backend-webgpu',
  wasm: 'npm ci',
  cpu: 'npm ci',
};

/**
 * Takes the fastest engine for which `attempt` succeeds.
 *
 * Where several work here they are measured first, each in a process of its own that must also compute a known gradient: a step full of arithmetic
 * decides, since small steps favour engines with little overhead and are quick on any. Where there is one, it is tried at once. Plain JavaScript is tried
 * last and never measured: it is slower than any other by a factor of ten.
 *
 * @param wanted an engine's name tries that one alone
 * @param attempt tries an engine in a child process; rejects with the reason where it is not usable
 * @throws HansaError EngineUnusable (with every engine's reason), Interrupted (when the signal aborts)
 */
export async function firstUsable<Result>(
  wanted: EngineName | 'auto',
  attempt: (name: EngineName) => Promise<Result>,
  {
    signal,
    measure = (name) => measureEngine(name, { signal }),
    lookFor = missingPart,
  }: {
    /** Ends the measuring. */
    readonly signal?: AbortSignal | undefined;
    readonly measure?: (name: EngineName) => Promise<Measurement>;
    /** What is missing of an engine's parts, if anything. */
    readonly lookFor?: (name: EngineName) => string | undefined;
  } = {},
): Promise<{ choice: EngineChoice; result: Result }> {
  const passedOver: { name: EngineName; reason: string }[] = [];
  /** Runs something on an engine; what is wrong with the engine is noted, what the data or the caller did is thrown. */
  const usable = async <T>(name: EngineName, work: () => Promise<T>): Promise<{ value: T } | undefined> => {
    try {
      return { value: await work() };
    } catch (error) {
      if (!(error instanceof HansaError) || error.code !== 'EngineUnusable') throw error;
      passedOver.push({ name, reason: error.message });
      return undefined;
    }
  };
  const there = (wanted === 'auto' ? engineNames : [wanted]).filter((name) => {
    const missing = lookFor(name);
    if (missing !== undefined) passedOver.push({ name, reason: missing });
    return missing === undefined;
  });
  const accelerated = there.filter((name) => name !== 'cpu');
  const measured: Measured[] = [];
  if (wanted === 'auto' && accelerated.length > 1) {
    for (const name of accelerated) {
      const found = await usable(name, () => measure(name));
      if (found !== undefined) measured.push({ name, ...found.value });
    }
    measured.sort((left, right) => byStepTimes(left, right));
  }
  const order = measured.length > 0 ? measured.map(({ name }) => name) : accelerated;
  const isOut = (name: EngineName) => passedOver.some((entry) => entry.name === name);
  for (const name of [...order, ...there.filter((one) => one === 'cpu')]) {
    if (isOut(name)) continue;
    const found = await usable(name, () => attempt(name));
    if (found !== undefined) return { choice: describe(name, wanted, passedOver, measured), result: found.value };
  }
  const reasons = passedOver.map(({ name, reason }) => `${name}: not usable: ${reason}`).join('; ');
  throw new HansaError(
    'EngineUnusable',
    `No TensorFlow.js engine works here (${reasons}). Set training.engine to "auto", or install what is missing (${
      wanted === 'auto' ? NATIVE_INSTALL : engineRemedies[wanted]
    }).`,
  );
}

/**
 * Finds the engine that works here, trying each in a child process; some seconds, on a slow machine with several engines half a minute.
 *
 * @throws as {@link firstUsable}
 */
export async function chooseEngine(
  wanted: EngineName | 'auto' = 'auto',
  { signal }: { signal?: AbortSignal } = {},
): Promise<EngineChoice> {
  const proved = new Set<EngineName>();
  const measure = async (name: EngineName) => {
    const measurement = await measureEngine(name, { signal });
    proved.add(name);
    return measurement;
  };
  const attempt = async (name: EngineName) => {
    if (proved.has(name)) return;
    const child = await startOnEngine(tryOut, name, { signal });
    child.kill();
    await child.ended;
  };
  const { choice } = await firstUsable(wanted, attempt, { signal, measure });
  return choice;
}

/**
 * Tries an engine in a process of its own and measures training steps on it.
 *
 * @param file the process; see tryOut.ts
 * @param withinMs how long it may take once its engine works
 * @param withoutCard takes an engine for a card too that sees none and computes on the processor
 * @throws HansaError EngineUnusable (with the reason), Interrupted (when the signal aborts)
 */
export async function measureEngine(
  name: EngineName,
  {
    withoutCard = false,
    file = tryOut,
    withinMs = MEASURING_MS,
    ...limits
  }: TrialLimits & { readonly withoutCard?: boolean; readonly file?: URL; readonly withinMs?: number } = {},
): Promise<Measurement> {
  let measurement: Measurement | undefined;
  const child = await startOnEngine(file, name, {
    ...limits,
    parameters: withoutCard ? ['withoutCard'] : [],
    onMessage: (message) => {
      measurement = message as Measurement;
    },
  });
  const reason = await endOf(child, withinMs, limits.signal);
  if (measurement === undefined) throw new HansaError('EngineUnusable', reason);
  return measurement;
}

/** The least time of the small model's step first; of engines that took none, the least of the tiny one's. */
function byStepTimes(left: StepTimes, right: StepTimes): number {
  const [ours, theirs] = [left.smallStepMs ?? Number.POSITIVE_INFINITY, right.smallStepMs ?? Number.POSITIVE_INFINITY];
  return ours === theirs ? left.tinyStepMs - right.tinyStepMs : ours - theirs;
}

/** What was measured, in words. */
export function describeTimes({ tinyStepMs, smallStepMs }: StepTimes): string {
  const small = smallStepMs === undefined ? 'not taken' : `${smallStepMs.toFixed(1)} ms`;
  return `a step of the tiny model ${tinyStepMs.toFixed(1)} ms, of the small one ${small}`;
}

function describe(
  name: EngineName,
  wanted: EngineName | 'auto',
  passedOver: EngineChoice['passedOver'],
  measured: readonly Measured[],
): EngineChoice {
  const obstacles = passedOver.map((entry) => `${entry.name} is not usable: ${entry.reason}`);
  const told = measured
    .map(
      ({ name, tinyStepMs, smallStepMs }) =>
        `${name} ${tinyStepMs.toFixed(1)} and ${smallStepMs?.toFixed(1) ?? 'none'}`,
    )
    .join(', ');
  const reason =
    wanted !== 'auto'
      ? 'asked for in the configuration'
      : [
          ...(measured.length > 1
            ? [`the fastest that works here (ms a step of the tiny and the small model: ${told})`]
            : []),
          ...obstacles,
        ].join('; ');
  const better = `A native engine trains up to twice as fast: ${NATIVE_INSTALL}, with --gpu where there is an NVIDIA card`;
  return {
    name,
    reason: reason === '' ? 'it works here' : reason,
    passedOver,
    measured,
    ...(wanted !== 'auto' || isNative(name) ? {} : { better }),
  };
}
