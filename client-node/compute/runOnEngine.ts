import { activate, type EngineName, engineNames } from '../engines/engine.ts';
import type { TrialMessage } from './engineTrial.ts';

/**
 * A child's side of the trial: starts the engine that its first argument names, computes something with it, and says so.
 *
 * The process ends when its parent does, whatever it is doing between two steps.
 *
 * @param options as {@link activate} takes them
 * @returns whether the engine works; where it does not, the parent has been told why
 */
export async function runOnEngine(options?: Parameters<typeof activate>[1]): Promise<boolean> {
  process.once('disconnect', () => process.exit());
  // Ctrl-C reaches every process of a terminal; the parent decides what it means here.
  process.on('SIGINT', () => undefined);
  const name = process.argv[2] as EngineName;
  if (!engineNames.includes(name)) throw new RangeError(`no engine is called ${name}`);
  try {
    // A busy machine takes its time over each of these steps: only one that never ends is silence.
    tell({ type: 'engineStarting' });
    await activate(name, options);
    tell({ type: 'engineStarting' });
    // Loaded late: it brings in the whole model.
    const { checkGradient } = await import('./exercise.ts');
    tell({ type: 'engineStarting' });
    await checkGradient();
  } catch (error) {
    tell({ type: 'engineFailed', reason: error instanceof Error ? error.message : String(error) });
    return false;
  }
  tell({ type: 'engineReady' });
  return true;
}

function tell(message: TrialMessage): void {
  process.send?.(message);
}
