import { runOnEngine } from './runOnEngine.ts';

// A process that only finds out whether an engine works here; see engineTrial.ts.
await runOnEngine();
process.disconnect();
