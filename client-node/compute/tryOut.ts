import { activeDevice } from '../engines/engine.ts';
import type { Measurement } from './chooseEngine.ts';
import { runOnEngine } from './runOnEngine.ts';

// A process that only finds out whether an engine works here, on what, and how fast it is; see chooseEngine.ts.
if (await runOnEngine({ withoutCard: process.argv[3] === 'withoutCard' })) {
  const { measureSteps } = await import('./exercise.ts');
  const device = await activeDevice();
  await measureSteps((times) => {
    const measurement: Measurement = { ...times, device };
    process.send?.(measurement);
  });
}
process.disconnect();
