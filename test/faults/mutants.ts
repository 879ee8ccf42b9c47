import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Node, parseSync, Visitor } from 'oxc-parser';
import { repositoryRoot } from '../sourceCopy/repositoryRoot.ts';

/** What the score is taken over. */
export const scoredFiles: readonly string[] = [
  'shared/crypto/shamir.ts',
  'shared/numeric/fixedPoint.ts',
  ...['cohort', 'encryptedShares', 'maskedInput', 'open', 'quorum', 'startRound', 'step', 'survivors'].map(
    (name) => `aggregation/secagg/client/${name}.ts`,
  ),
  ...['acknowledgeShares', 'maskedInput', 'revealShares', 'shareKeys', 'signSurvivors', 'step'].map(
    (name) => `aggregation/secagg/server/${name}.ts`,
  ),
];

/** One small change of one file. */
export interface Mutant {
  readonly file: string;
  /** "file:line: what became what". */
  readonly name: string;
  /** The whole file with the change. */
  readonly text: string;
}

const otherOperator: Readonly<Record<string, string>> = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '+': '-',
  '-': '+',
  '*': '+',
  '&': '|',
  '|': '&',
  '^': '|',
  '<<': '>>',
  '>>': '<<',
  '>>>': '<<',
  '&&': '||',
  '||': '&&',
  '+=': '-=',
  '-=': '+=',
  '^=': '|=',
};

/** Every mutant of a file: an operator exchanged, a whole number one larger, a truth reversed, a condition always or never met, a statement left out. */
export function mutantsOf(file: string): readonly Mutant[] {
  const text = readFileSync(join(repositoryRoot, file), 'utf8');
  const found: Mutant[] = [];
  const change = ({ start, end }: { readonly start: number; readonly end: number }, instead: string): void => {
    const line = text.slice(0, start).split('\n').length;
    const was = text.slice(start, end).replaceAll(/\s+/g, ' ').slice(0, 60);
    found.push({
      file,
      name: `${file}:${line}: ${was} → ${instead === '' ? 'nothing' : instead}`,
      text: text.slice(0, start) + instead + text.slice(end),
    });
  };
  const operator = (node: { readonly left: Node; readonly right: Node; readonly operator: string }): void => {
    const instead = otherOperator[node.operator];
    const start = text.indexOf(node.operator, node.left.end);
    if (instead !== undefined && start < node.right.start)
      change({ start, end: start + node.operator.length }, instead);
  };
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file} cannot be read: ${errors[0]!.message}`);
  new Visitor({
    BinaryExpression: (node) => operator(node as never),
    LogicalExpression: (node) => operator(node),
    AssignmentExpression: (node) => operator(node as never),
    Literal: (node) => {
      if (typeof node.value === 'boolean') change(node, String(!node.value));
      if (Number.isInteger(node.value)) change(node, String(Number(node.value) + 1));
    },
    IfStatement: ({ test }) => {
      change(test, 'true');
      change(test, 'false');
    },
    ExpressionStatement: (node) => {
      if (node.expression.type === 'CallExpression') change(node, ';');
    },
  }).visit(program);
  return found;
}

/** So many of all mutants, the same with every call, from end to end of every file. */
export function sampleOf(mutants: readonly Mutant[], count: number): readonly Mutant[] {
  const wanted = Math.min(count, mutants.length);
  return Array.from({ length: wanted }, (_, place) => mutants[Math.floor(((place + 0.5) * mutants.length) / wanted)]!);
}
