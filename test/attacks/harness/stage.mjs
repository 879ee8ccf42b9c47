/** A process that carries out attacks without some defences. Its argument is a job as JSON (see main.ts); each line of its output is an outcome. */
import { substitute } from './substitute.mjs';

const job = JSON.parse(process.argv[2]);
const applied = substitute(job.edits);
const { runJob } = await import('./job.ts');
await runJob(job, applied);
process.exit(0);
