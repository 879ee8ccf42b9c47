import { hararyParameters, kOutParameters, maxClients } from '@hansa/aggregation/secagg/parameters';
import { HansaError } from '@hansa/shared/errors';
import { leastSparseCorruptPermille, maxCohortSize } from '@hansa/shared/protocol/secagg';
import type { Output } from './output.ts';

/** What commander makes of the command's options. */
export interface ParameterOptions {
  readonly clients: number;
  readonly corrupt: number;
  readonly dropout: number;
  readonly server: 'semiHonest' | 'semiMalicious';
}

/** `secagg parameters`: degree and threshold of the sparse graph, or why there are none. Reads nothing and connects to nobody. */
export function showParameters({ clients, corrupt, dropout, server }: ParameterOptions, output: Output): void {
  const found = hararyParameters({ clients, corruptRate: corrupt, dropoutRate: dropout, server });
  output.answer(found, () => {
    const lines = found.feasible
      ? [
          `degree ${found.degree}: each member has that many neighbours, itself not counted; threshold ${found.threshold}`,
        ]
      : [`not feasible: ${found.reason}`];
    if (clients > maxCohortSize) return [...lines, `cohorts beyond ${maxCohortSize} are split into groups`];
    const least = leastSparseCorruptPermille / 1000;
    if (corrupt < least)
      return [
        ...lines,
        `a task on the k-out graph: refused with a corrupt rate below ${least}; ask for ${least} or more`,
      ];
    const used = kOutParameters(clients, corrupt, dropout);
    return [
      ...lines,
      used.feasible
        ? `a task on the k-out graph: each member draws ${used.degree} holders of its own; threshold ${used.threshold}`
        : `a task on the k-out graph: not feasible: ${used.reason}`,
    ];
  });
}

/** A number of members. */
export function parseClients(text: string): number {
  const value = Number(text);
  if (/^\d{1,7}$/.test(text) && value >= 2 && value <= maxClients) return value;
  throw new HansaError('InvalidArgument', `--clients takes a whole number from 2 to ${maxClients}, not "${text}".`);
}

/** A share of the members, 0..1. */
export const parseRate =
  (name: string) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d*\.?\d+$/.test(text) && value >= 0 && value <= 1) return value;
    throw new HansaError('InvalidArgument', `${name} takes a rate from 0 to 1, such as 0.05, not "${text}".`);
  };
