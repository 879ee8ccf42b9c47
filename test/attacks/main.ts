import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { HansaError } from '@hansa/shared/errors';
import { Command, CommanderError, Option } from 'commander';
import { type Defence, editsWithout } from './defences.ts';
import type { Job, Report } from './harness/job.ts';
import type { Outcome, Row } from './harness/row.ts';
import { rows } from './rows/index.ts';
import { type AttackResult, type AttacksDocument, judge, type RemovalResult, renderTable } from './table.ts';

const stage = fileURLToPath(new URL('./harness/stage.mjs', import.meta.url));

/** One process to start: the defences that it lacks, and the attacks that it carries out. */
interface Plan {
  readonly without: readonly Defence[];
  readonly attacks: { readonly row: number; readonly variant: string }[];
}

/** Outcomes by the defences taken away, row and variant. */
type Found = ReadonlyMap<string, Outcome | { readonly fault: string }>;

const keyOf = (without: readonly Defence[], row: number, variant: string): string =>
  JSON.stringify([[...without].sort(), row, variant]);

const defencesOf = (without: object): Defence[] => Object.keys(without) as Defence[];

/** All attacks with every defence in place; every break without all of its defences, and without each alone. */
function plansFor(chosen: readonly Row[]): Plan[] {
  const plans = new Map<string, Plan>();
  const add = (without: readonly Defence[], row: number, variant: string) => {
    const key = JSON.stringify([...without].sort());
    const plan = plans.get(key) ?? { without, attacks: [] };
    plan.attacks.push({ row, variant });
    plans.set(key, plan);
  };
  for (const row of chosen) {
    for (const { expects } of row.attacks) add([], row.number, Object.keys(expects)[0]!);
    for (const { variant, without } of row.breaks)
      for (const some of removalsOf(without)) add(some, row.number, variant);
  }
  // The plan with every defence in place is by far the longest: it is split over several processes.
  return [...plans.values()].flatMap((plan) => slices(plan, 6));
}

/** All of them; then, where there are several, each alone. */
function removalsOf(without: object): Defence[][] {
  const all = defencesOf(without);
  return all.length === 1 ? [all] : [all, ...all.map((one) => [one])];
}

function slices({ without, attacks }: Plan, largest: number): Plan[] {
  const parts: Plan[] = [];
  for (let from = 0; from < attacks.length; from += largest)
    parts.push({ without, attacks: attacks.slice(from, from + largest) });
  return parts;
}

const nameOf = (number: number): string => rows.find((row) => row.number === number)!.name;

async function carryOut({ without, attacks }: Plan, told: (report: Report) => void): Promise<void> {
  const job: Job = { edits: editsWithout(without), attacks };
  const child = spawn(process.execPath, [stage, JSON.stringify(job)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk}`.slice(-4000);
  });
  const open = new Map(attacks.map((attack) => [`${attack.row}/${attack.variant}`, attack]));
  for await (const line of createInterface(child.stdout)) {
    const report = JSON.parse(line) as Report;
    open.delete(`${report.row}/${report.variant}`);
    told(report);
  }
  if (child.exitCode === null) await once(child, 'close');
  // The outcomes of a process that fails do not count: an edit may never have been made.
  const lost = child.exitCode === 0 ? [...open.values()] : attacks;
  for (const { row, variant } of lost) told({ row, variant, ms: 0, fault: `the process ended: ${complaint}` });
}

/** Runs the plans, some at a time, and collects their outcomes. */
async function findOut(chosen: readonly Row[], progress: (text: string) => void): Promise<Found> {
  const found = new Map<string, Outcome | { fault: string }>();
  const plans = plansFor(chosen);
  let done = 0;
  const take = async (): Promise<void> => {
    for (let plan = plans.shift(); plan !== undefined; plan = plans.shift()) {
      const { without } = plan;
      await carryOut(plan, ({ row, variant, ms, outcomes, fault }) => {
        if (fault !== undefined) found.set(keyOf(without, row, variant), { fault });
        else
          for (const [name, outcome] of Object.entries(outcomes ?? {})) found.set(keyOf(without, row, name), outcome);
        done += 1;
        const gone = without.length === 0 ? '' : ` without ${without.join(', ')}`;
        progress(`${done} done: ${nameOf(row)}, ${variant}${gone} (${(ms / 1000).toFixed(1)} s)`);
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, take));
  return found;
}

function documentOf(chosen: readonly Row[], found: Found): AttacksDocument {
  const outcomeOf = (without: readonly Defence[], row: number, variant: string): Outcome => {
    const outcome = found.get(keyOf(without, row, variant)) ?? { fault: 'it was not carried out' };
    return 'fault' in outcome ? { did: `FAULT: ${outcome.fault}` } : outcome;
  };
  const attacks = chosen.flatMap((row) =>
    row.attacks.flatMap(({ expects }) =>
      Object.entries(expects).map(([variant, expected]): AttackResult => {
        const { did, gained } = outcomeOf([], row.number, variant);
        return {
          row: row.number,
          name: row.name,
          attack: row.attack,
          variant,
          did,
          expected,
          leaked: gained ?? 'no',
          pass: did === expected && gained === undefined,
        };
      }),
    ),
  );
  const removals = chosen.flatMap((row) =>
    row.breaks.flatMap(({ variant, without, gains }) =>
      removalsOf(without).map((some): RemovalResult => {
        const { did, gained } = outcomeOf(some, row.number, variant);
        const isAll = some.length === defencesOf(without).length;
        const expected = isAll ? gains : without[some[0]!]!;
        const came = gained ?? did;
        const pass = came === expected;
        return { row: row.number, name: row.name, variant, without: some, together: isAll, came, expected, pass };
      }),
    ),
  );
  return judge(attacks, removals);
}

const rowsNamed = (text: string): Row[] =>
  text.split(',').map((part) => {
    const found = rows.find(({ name, number }) => name === part || String(number) === part);
    if (found === undefined)
      throw new HansaError(
        'InvalidArgument',
        `--only takes names or numbers of rows, like forged-signatures,15; there is no row "${part}". --list shows them all.`,
      );
    return found;
  });

/**
 * Runs the attack table (see docs/attacks.md). Exit status 0 where every attack is refused, succeeds without its defences, and no single removal
 * contradicts the table; 1 where not, or where an attack could not be carried out; 2 for bad input.
 */
export async function main(argv: readonly string[]): Promise<number> {
  let status = 0;
  const program = new Command('attacks')
    .description(
      'Attacks on secure aggregation, each with its defences in place and without them. Without --json the last line on standard output is one JSON document.',
    )
    .addOption(new Option('--only <row,...>', 'these rows alone, by name or number').argParser(rowsNamed))
    .option('--json <file>', 'write the JSON document to a file instead')
    .option('--list', 'list rows and variants; run nothing', false)
    .exitOverride()
    .action(async ({ only, json, list }: { only?: Row[]; json?: string; list: boolean }) => {
      const chosen = rows.filter((row) => only === undefined || only.includes(row));
      if (list) {
        process.stdout.write(listOf(chosen));
        return;
      }
      // Before anything runs: each piece of source that an edit replaces must still exist.
      for (const { breaks } of chosen) for (const { without } of breaks) editsWithout(defencesOf(without));
      const document = documentOf(chosen, await findOut(chosen, progressOn(process.stderr)));
      process.stdout.write(renderTable(document));
      if (json === undefined) process.stdout.write(`${JSON.stringify(document)}\n`);
      else writeFileSync(json, `${JSON.stringify(document, null, 2)}\n`);
      if (!document.pass) status = 1;
    });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`attacks: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof HansaError ? error.exitStatus : 1;
  }
}

function listOf(chosen: readonly Row[]): string {
  const lines = chosen.flatMap(({ number, name, attack, attacks, breaks }) => [
    `${number} ${name}: ${attack}`,
    ...attacks.flatMap(({ expects }) => Object.entries(expects).map(([name, does]) => `     ${name}: ${does}`)),
    ...breaks.map(
      ({ variant, without, gains }) => `     without ${defencesOf(without).join(' + ')}: ${gains} (${variant})`,
    ),
  ]);
  return `${lines.join('\n')}\n`;
}

function progressOn(stream: NodeJS.WriteStream): (text: string) => void {
  if (!stream.isTTY) return (text) => void stream.write(`${text}\n`);
  return (text) => void stream.write(`\r\x1b[K${text.slice(0, (stream.columns ?? 80) - 1)}`);
}
