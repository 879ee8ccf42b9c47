import { rows } from '../rows/index.ts';
import type { Outcome } from './row.ts';
import { type Edits, takeAway } from './takenAway.ts';

/** Attacks to carry out in one process, without the defences that `edits` remove. */
export interface Job {
  readonly edits: Edits;
  readonly attacks: readonly { readonly row: number; readonly variant: string }[];
}

/** The result of one of a job's attacks: of the requested variant, and of those that were carried out with it. */
export interface Report {
  readonly row: number;
  readonly variant: string;
  readonly ms: number;
  readonly outcomes?: Readonly<Record<string, Outcome>>;
  /** Why the harness itself failed; then the attack has no outcome. */
  readonly fault?: string;
}

export async function runJob(job: Job, applied: () => void): Promise<void> {
  takeAway(job.edits);
  for (const { row, variant } of job.attacks) {
    const begun = Date.now();
    const done = await carryOut(row, variant).catch((error: Error) => ({ fault: error.stack ?? error.message }));
    const report: Report = { row, variant, ms: Date.now() - begun, ...done };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }
  applied();
}

async function carryOut(number: number, name: string): Promise<Pick<Report, 'outcomes'>> {
  const attack = rows.find((row) => row.number === number)?.attacks.find(({ expects }) => Object.hasOwn(expects, name));
  if (attack === undefined) throw new RangeError(`row ${number} has no variant "${name}"`);
  return { outcomes: await attack.run() };
}
