import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorTable } from '@hansa/shared/errors';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../sourceCopy/repositoryRoot.ts';

const condition = String.raw`(?: \([^()]+\))?`;
const code = String.raw`[A-Z]\w+`;
// @throws HansaError Code, Code2 (when …); @throws RangeError (when …); @throws as {@link other}; @throws what other throws
const forms = [
  new RegExp(`^HansaError ${code}${condition}(?:, ${code}${condition})*$`),
  /^HansaError \([^()]+\)$/,
  new RegExp(`^(?!HansaError)[A-Z]\\w+${condition}$`),
  /^as \{@link [\w.]+\}$/,
  /^what .+[^.]$/,
  /^the signal's reason$/,
];

/** Sentences that tell of an error without the tag. */
const otherForms = [
  /\bThrows\b/,
  /HansaError [A-Z]/,
  /\b(?:Range|Type)Error (?:for|where|when|once|unless|beyond|otherwise|as)\b/,
  /\belse (?:Hansa|Range|Type)Error\b/,
];

const tag = /@throws (.*?)(?=\n *\n|\s@|\s*$)/gs;

/** What is wrong with the way a docstring tells of errors. */
function faultsOf(docstring: string): string[] {
  const text = docstring.replace(/^\/\*\*|\*\/$/g, '').replace(/^[ \t]*\* ?/gm, '');
  const faults: string[] = [];
  for (const [, said = ''] of text.matchAll(tag)) {
    const told = said.replace(/\s+/g, ' ');
    if (!forms.some((form) => form.test(told))) faults.push(`"@throws ${told}" is not of the form`);
    if (!told.startsWith('HansaError ')) continue;
    for (const [name] of told
      .replace(/\([^()]*\)/g, '')
      .slice('HansaError '.length)
      .matchAll(/[A-Z]\w+/g))
      if (!Object.hasOwn(errorTable, name)) faults.push(`there is no code ${name}`);
  }
  const rest = text.replace(tag, '').replace(/\s+/g, ' ');
  for (const form of otherForms) {
    const found = form.exec(rest);
    if (found !== null) faults.push(`"${rest.slice(found.index, found.index + 60)}" tells of an error without @throws`);
  }
  return faults;
}

const docstrings = (source: string): string[] => source.match(/^[ \t]*\/\*\*[\s\S]*?\*\//gm) ?? [];

describe('what a docstring says of errors', () => {
  it('has one form everywhere', () => {
    const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], {
      cwd: repositoryRoot,
      encoding: 'utf8',
    })
      .trim()
      .split('\n');
    expect(files.length).toBeGreaterThan(500);
    const faults = files.flatMap((file) =>
      docstrings(readFileSync(join(repositoryRoot, file), 'utf8')).flatMap((text) =>
        faultsOf(text.trim()).map((fault) => `${file}: ${fault}`),
      ),
    );
    expect(faults).toEqual([]);
  });

  it.each([
    '/** Reads it. @throws HansaError NotFound, InvalidModelFile (when it is malformed) */',
    '/**\n * Reads it.\n *\n * @param path where\n * @throws HansaError NotFound (when there\n *   is none), Timeout\n * @throws RangeError\n */',
    '/** @throws HansaError (what the coordinator refused with) */',
    "/**\n * @throws as {@link readHeader}\n * @throws what `check` throws\n * @throws the signal's reason\n */",
  ])('allows %j', (docstring) => expect(faultsOf(docstring)).toEqual([]));

  it.each([
    '/** Reads it. Throws HansaError NotFound. */',
    '/** Reads it; HansaError NotFound where there is none. */',
    '/** Reads it. RangeError for none. */',
    '/** 1 ≤ n, else RangeError. */',
    '/** @throws HansaError NotFound where there is none */',
    '/** @throws HansaError NotFound or Timeout */',
    '/** @throws HansaError NotFound; Timeout */',
    '/** @throws HansaError, by which it is refused */',
    '/** @throws HansaError Lost */',
    '/** @throws HansaError NotFound. */',
    '/** @throws as readHeader does */',
  ])('refuses %j', (docstring) => expect(faultsOf(docstring)).not.toEqual([]));
});
