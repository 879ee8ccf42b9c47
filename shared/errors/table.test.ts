import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ErrorEntry } from './codes/errorEntry.ts';
import { detailFields } from './details.ts';
import { errorsPage } from './page/errorsPage.ts';
import { errorTable } from './table.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const entries = Object.entries<ErrorEntry>(errorTable);

/** The source of the packages, without tests and without this folder. */
const sources = ['shared', 'aggregation', 'coordinator', 'client-node']
  .flatMap((name) =>
    readdirSync(join(root, name), { recursive: true, encoding: 'utf8' }).map((file) => join(root, name, file)),
  )
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .filter((file) => !/node_modules|[/\\]testing[/\\]|shared[/\\]errors[/\\]/.test(file))
  .map((file) => readFileSync(file, 'utf8'));

describe('the table of errors', () => {
  it('has no code that is never thrown', () => {
    expect(sources.length).toBeGreaterThan(300);
    const unused = entries.map(([code]) => code).filter((code) => !sources.some((text) => text.includes(`'${code}'`)));
    expect(unused).toEqual([]);
  });

  it('has every code that the source throws', () => {
    const thrown = sources.flatMap((text) =>
      [...text.matchAll(/(?:new HansaError|\brefuse|\babandon)\((?:state, |\s*)*'(\w+)'/g)].map(([, code]) => code!),
    );
    expect(thrown.length).toBeGreaterThan(150);
    expect(thrown.filter((code) => !Object.hasOwn(errorTable, code))).toEqual([]);
  });

  it.each(entries)('%s says what it means and what to do, in sentences', (_, { means, remedies }) => {
    expect(Object.keys(remedies).length).toBeGreaterThan(0);
    for (const text of [means, ...Object.values(remedies)]) {
      expect(text).toMatch(/^[A-Z`].{20,}\.$/);
      expect(text.match(/`/g)?.length ?? 0).toSatisfy((count: number) => count % 2 === 0);
    }
  });

  it("has statuses of HTTP that are errors, and a server's only where no sender is at fault", () => {
    for (const [code, { status }] of entries) expect(status, code).toSatisfy((one: number) => one >= 400 && one < 600);
    expect(
      entries
        .filter(([, { status }]) => status >= 500)
        .map(([code]) => code)
        .sort(),
    ).toEqual([
      'ConnectionLost',
      'CoordinatorRestarted',
      'DataFolderUnusable',
      'EngineUnusable',
      'Internal',
      'Interrupted',
      'LedgerCorrupt',
      'ProcessFailed',
      'StorageFull',
      'StrategyStateLost',
      'Timeout',
      'TrainingFailed',
      'Unavailable',
    ]);
  });

  it('promises a retry only where the same call can succeed later', () => {
    const retried = entries.filter(([, { retryWhen }]) => retryWhen !== undefined);
    for (const [code, { retryWhen }] of retried) expect(retryWhen, code).toMatch(/^[a-z].{10,}[^.]$/);
    // Of what a person must correct, only disk space may come back without an edit.
    expect(retried.filter(([, { exitStatus }]) => exitStatus === 2).map(([code]) => code)).toEqual(['StorageFull']);
    // These are the HTTP statuses that invite a client to try again.
    for (const status of [429, 503, 504])
      expect(entries.filter((entry) => entry[1].status === status && entry[1].retryWhen === undefined)).toEqual([]);
  });

  it('has a description for every field of details', () => {
    for (const [code, fields] of Object.entries(detailFields))
      for (const [name, schema] of Object.entries(fields))
        expect(schema.description, `${code}.${name}`).toMatch(/\w{3}/);
  });
});

describe('docs/errors.md', () => {
  const page = errorsPage();

  it('is what the table says (npm run errors writes it)', () => {
    expect(readFileSync(join(root, 'docs/errors.md'), 'utf8')).toBe(page);
  });

  it('lists every code once, with its remedies', () => {
    const rows = page.split('\n').filter((line) => /^\| `\w+` \|.*\| \d{3} \| [12] \|$/.test(line));
    expect(rows.map((line) => /`(\w+)`/.exec(line)![1]).sort()).toEqual(Object.keys(errorTable).sort());
    for (const [code, { remedies }] of entries)
      for (const remedy of Object.values(remedies))
        expect(rows.find((line) => line.startsWith(`| \`${code}\` `))).toContain(remedy);
  });
});
