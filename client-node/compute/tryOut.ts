import { runOnEngine } from './runOnEngine.ts';

// A process that only finds out whether an engine works here, and how fast it is; see chooseEngine.ts.
if (await runOnEngine()) {
  const { measureStep } = await import('./exercise.ts');
  process.send?.({ stepMs: await measureStep() });
}
process.disconnect();
