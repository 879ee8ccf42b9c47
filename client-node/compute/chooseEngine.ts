import { HansaError } from '@hansa/shared/errors';
import { type EngineName, engineNames, missingPart } from './engine.ts';
import { startOnEngine } from './engineTrial.ts';

/** Which engine computes here, and why not a better one. */
export interface EngineChoice {
  readonly name: EngineName;
  /** In a few words, for a person: why this one. */
  readonly reason: string;
  /** One line that tells how to get the better engine; undefined where this is the best. */
  readonly better?: string;
  /** Engines that were tried or looked for before this one, with what was in their way. */
  readonly passedOver: readonly { readonly name: EngineName; readonly reason: string }[];
}

/**
 * Takes the first engine in order for which `attempt` succeeds.
 *
 * @param wanted an engine's name tries that one alone
 * @param attempt tries an engine in a child process; rejects with the reason where it is not usable
 * @throws HansaError EngineUnusable with every reason
 */
export async function firstUsable<Result>(
  wanted: EngineName | 'auto',
  attempt: (name: EngineName) => Promise<Result>,
): Promise<{ choice: EngineChoice; result: Result }> {
  const passedOver: { name: EngineName; reason: string }[] = [];
  for (const name of wanted === 'auto' ? engineNames : [wanted]) {
    const missing = missingPart(name);
    if (missing !== undefined) {
      passedOver.push({ name, reason: missing });
      continue;
    }
    try {
      const result = await attempt(name);
      return { choice: describe(name, wanted, passedOver), result };
    } catch (error) {
      // What the data or the caller did is no verdict on the engine.
      if (!(error instanceof HansaError) || error.code !== 'EngineUnusable') throw error;
      passedOver.push({ name, reason: error.message });
    }
  }
  const reasons = passedOver.map(({ name, reason }) => `${name}: not usable: ${reason}`).join('; ');
  throw new HansaError(
    'EngineUnusable',
    `No TensorFlow.js engine works here (${reasons}). Set training.engine to "auto", or install what is missing${
      passedOver.some(({ name }) => name === 'tfjs-node-gpu') ? `: ${NATIVE_INSTALL}` : ''
    }.`,
  );
}

/** Finds the engine that works here, trying each in a child process; about a second for wasm. Throws as firstUsable does. */
export async function chooseEngine(
  wanted: EngineName | 'auto' = 'auto',
  { signal }: { signal?: AbortSignal } = {},
): Promise<EngineChoice> {
  const { choice } = await firstUsable(wanted, async (name) => {
    const child = await startOnEngine(new URL('./tryOut.ts', import.meta.url), name, { signal });
    await child.ended;
  });
  return choice;
}

const NATIVE_INSTALL = 'npm rebuild @tensorflow/tfjs-node-gpu --ignore-scripts=false';

function describe(name: EngineName, wanted: EngineName | 'auto', passedOver: EngineChoice['passedOver']): EngineChoice {
  const best = engineNames[0];
  const obstacle = passedOver.find((entry) => entry.name === best);
  const reason =
    wanted !== 'auto'
      ? 'asked for in the configuration'
      : passedOver.length === 0
        ? 'the fastest engine, and it works here'
        : passedOver.map((entry) => `${entry.name} is not usable: ${entry.reason}`).join('; ');
  return {
    name,
    reason,
    passedOver,
    ...(obstacle === undefined
      ? {}
      : { better: `On a machine with an NVIDIA card ${best} trains faster (${obstacle.reason}): ${NATIVE_INSTALL}` }),
  };
}
