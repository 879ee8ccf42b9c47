/** A process that carries out attacks without some defences: its argument is a job as JSON (see main.ts), a line of its output an outcome. */
import { substitute } from './substitute.mjs';

const job = JSON.parse(process.argv[2]);
const applied = substitute(job.edits);
const { runJob } = await import('./job.ts');
await runJob(job, applied);
process.exit(0);
