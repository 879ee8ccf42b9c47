import { describe, expect, it } from 'vitest';
import type { Output } from './output.ts';
import { type ParameterOptions, showParameters } from './secaggCommands.ts';

function linesOf(options: Partial<ParameterOptions>): readonly string[] {
  let lines: readonly string[] = [];
  const output: Pick<Output, 'answer'> = {
    answer: (_, text) => {
      lines = text();
    },
  };
  showParameters({ clients: 500, corrupt: 0.05, dropout: 0.1, server: 'semiHonest', ...options }, output as Output);
  return lines;
}

describe('secagg parameters', () => {
  it('says what a task on the k-out graph takes', () => {
    expect(linesOf({}).at(-1)).toMatch(/k-out graph: each member draws \d+ holders of its own; threshold \d+$/);
    expect(linesOf({ clients: 5000 }).at(-1)).toMatch(/split into groups/);
  });

  it('says that such a task is refused with a rate that task create refuses', () => {
    expect(linesOf({ corrupt: 0.01 }).at(-1)).toMatch(/refused with a corrupt rate below 0.05/);
  });
});
