import { activeDevice } from '../engines/engine.ts';
import type { Measurement } from './chooseEngine.ts';
import { runOnEngine } from './runOnEngine.ts';

// A process that only finds out whether an engine works here, on what, and how fast it is; see chooseEngine.ts.
if (await runOnEngine({ withoutCard: process.argv[3] === 'withoutCard' })) {
  const { measureStep } = await import('./exercise.ts');
  const measurement: Measurement = { stepMs: await measureStep(), device: await activeDevice() };
  process.send?.(measurement);
}
process.disconnect();
