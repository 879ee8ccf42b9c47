import { loadavg } from 'node:os';
import { HansaError } from '@hansa/shared/errors';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { type Fault, readFaults } from './faults.ts';
import { type Mutant, mutantsOf, sampleOf, scoredFiles } from './mutants.ts';
import { likelyFirst, limitSeconds, suite } from './suite.ts';
import { explainedSurvivors } from './survivors.ts';
import { type SuiteRun, Workspace } from './workspace.ts';

/** How many faults are tried at once. */
const workers = 2;

/** A suite that takes this many times its limit hangs. */
const patience = 5;

/** What came of one fault. */
interface Outcome {
  readonly name: string;
  readonly what: string;
  readonly result: 'killed' | 'survived' | 'explained' | 'undecided';
  /** The test that failed, or why the fault may survive, or what went wrong. */
  readonly by: string;
  readonly seconds: number;
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/** Plants the kept faults one by one and tells which test kills each; its last line on standard output is one JSON document. Exit status 0 all killed or explained, 1 not so, 2 bad input. */
export async function main(argv: readonly string[]): Promise<number> {
  let status = 0;
  const program = new Command('faults')
    .description(
      'Plants the faults of test/faults/patches one by one into a copy of the source and runs the quick tests of secure aggregation on it. The last line on standard output is one JSON document; everything else goes to standard error.',
    )
    .option('--only <name,...>', 'these faults alone', (text: string) => text.split(','))
    .option('--list', 'tell the faults and plant none', false)
    .option(
      '--score [mutants]',
      "instead, a mutation score over Shamir's scheme, fixed point and the reducers: how many of so many small changes, taken evenly from all, are killed",
      sampleSize,
    )
    .exitOverride()
    .action(async ({ only, list, score }: { only?: string[]; list: boolean; score?: number | true }) => {
      if (score !== undefined) {
        status = await withWorkspaces((clean, workspaces) => scoreOf(score === true ? 100 : score, clean, workspaces));
        return;
      }
      const faults = chosen(readFaults(), only);
      if (list) process.stdout.write(faults.map(({ name, what }) => `${name}: ${what}\n`).join(''));
      else status = await withWorkspaces(async (clean, workspaces) => report(clean, await tryAll(faults, workspaces)));
    });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    say(`faults: ${error instanceof HansaError || !(error instanceof Error) ? String(error) : error.stack}`);
    return error instanceof HansaError ? error.exitStatus : 1;
  }
}

function chosen(faults: readonly Fault[], only: readonly string[] | undefined): readonly Fault[] {
  const strange = only?.find((name) => faults.every((fault) => fault.name !== name));
  if (strange !== undefined)
    throw new HansaError('InvalidArgument', `There is no fault "${strange}"; --list tells their names.`);
  return only === undefined ? faults : faults.filter(({ name }) => only.includes(name));
}

function sampleSize(text: string): number {
  const size = Number(text);
  if (!Number.isInteger(size) || size < 1) throw new InvalidArgumentError('It must be a whole number from 1.');
  return size;
}

/** Makes the copies, runs the suite on one as it is, and, where it is green, goes on with `work`; the copies are removed in any case. */
async function withWorkspaces(
  work: (clean: SuiteRun, workspaces: readonly Workspace[]) => Promise<number>,
): Promise<number> {
  const workspaces = Array.from({ length: workers }, () => new Workspace());
  const removeAll = () => {
    for (const workspace of workspaces) workspace.remove();
  };
  const interrupted = () => {
    removeAll();
    process.exit(130);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const clean = await workspaces[0]!.run(suite, workers, false, patience * limitSeconds);
    say(
      `The suite without a fault: ${clean.tests} tests in ${suite.length} files, ${clean.seconds.toFixed(1)} s (limit ${limitSeconds} s; load ${loadavg()[0]!.toFixed(1)}).`,
    );
    if (!clean.passed) {
      say(`It is not green: ${clean.failed ?? clean.trouble}`);
      return 1;
    }
    return await work(clean, workspaces);
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    removeAll();
  }
}

/** The mutation score of a sample. It is informative: a mutant that does what the source does cannot be killed, so 100 % is not to be had. */
async function scoreOf(count: number, clean: SuiteRun, workspaces: readonly Workspace[]): Promise<number> {
  const all = scoredFiles.flatMap(mutantsOf);
  const mutants = sampleOf(all, count);
  const waiting = [...mutants];
  const survivors: string[] = [];
  let timedOut = 0;
  let done = 0;
  const tryMutant = async ({ file, name, text }: Mutant, workspace: Workspace): Promise<void> => {
    const original = workspace.exchange(file, text);
    // A change that makes a loop endless is found by the time it takes.
    const run = await workspace.run(likelyFirst([file]), 1, true, Math.max(limitSeconds, patience * clean.seconds));
    workspace.exchange(file, original);
    done += 1;
    if (run.passed) survivors.push(name);
    if (run.timedOut) timedOut += 1;
    say(
      `${done}/${mutants.length} ${name}: ${run.passed ? 'survived' : (run.failed ?? 'killed by its time or an error')}`,
    );
  };
  await Promise.all(
    workspaces.map(async (workspace) => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift())
        await tryMutant(mutant, workspace);
    }),
  );
  const score = (mutants.length - survivors.length) / mutants.length;
  say(
    `${(100 * score).toFixed(0)} % of ${mutants.length} of ${all.length} mutants were killed, ${timedOut} of them by their time. Survivors:`,
  );
  for (const name of survivors) say(`  ${name}`);
  process.stdout.write(
    `${JSON.stringify({ score, mutants: mutants.length, of: all.length, timedOut, survivors: survivors.sort() })}\n`,
  );
  return 0;
}

async function tryAll(faults: readonly Fault[], workspaces: readonly Workspace[]): Promise<readonly Outcome[]> {
  const waiting = [...faults];
  const outcomes: Outcome[] = [];
  await Promise.all(
    workspaces.map(async (workspace) => {
      for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) {
        const outcome = await tryOne(fault, workspace);
        outcomes.push(outcome);
        say(
          `${outcomes.length}/${faults.length} ${outcome.name}: ${outcome.result}, ${outcome.seconds.toFixed(1)} s: ${outcome.by}`,
        );
      }
    }),
  );
  return outcomes.sort((left, right) => left.name.localeCompare(right.name));
}

async function tryOne(fault: Fault, workspace: Workspace): Promise<Outcome> {
  const { name, what, patchFile } = fault;
  workspace.plant(patchFile);
  try {
    const run = await workspace.run(likelyFirst(fault.files), 1, true, patience * limitSeconds);
    return { name, what, ...judge(name, run), seconds: run.seconds };
  } finally {
    workspace.takeOut(patchFile);
  }
}

function judge(name: string, { passed, failed, trouble }: SuiteRun): Pick<Outcome, 'result' | 'by'> {
  if (failed !== undefined) return { result: 'killed', by: failed };
  if (!passed) return { result: 'undecided', by: trouble ?? 'no test failed, and yet the run did' };
  const reason = explainedSurvivors[name];
  return reason === undefined ? { result: 'survived', by: 'no test' } : { result: 'explained', by: reason };
}

function report(clean: SuiteRun, outcomes: readonly Outcome[]): number {
  const count = (wanted: Outcome['result']) => outcomes.filter(({ result }) => result === wanted).length;
  const inTime = clean.seconds <= limitSeconds;
  const pass = inTime && count('survived') === 0 && count('undecided') === 0;
  say('');
  const width = Math.max(...outcomes.map(({ name }) => name.length));
  for (const { name, result, by } of outcomes) say(`${name.padEnd(width)}  ${result.padEnd(9)}  ${by}`);
  say('');
  say(
    `${outcomes.length} faults: ${count('killed')} killed, ${count('explained')} survive with a reason, ${count('survived')} survive, ${count('undecided')} undecided.`,
  );
  say(`The suite takes ${clean.seconds.toFixed(1)} s, ${inTime ? 'within' : 'OVER'} its limit of ${limitSeconds} s.`);
  process.stdout.write(
    `${JSON.stringify({
      suite: { files: suite.length, tests: clean.tests, seconds: clean.seconds, limitSeconds },
      killed: count('killed'),
      explained: count('explained'),
      survived: count('survived'),
      undecided: count('undecided'),
      pass,
      faults: outcomes,
    })}\n`,
  );
  return pass ? 0 : 1;
}
