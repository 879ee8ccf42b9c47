import { type ErrorCode, HansaError } from '@hansa/shared/errors';
import { describe, expect, it } from 'vitest';
import { problemForPeer } from './problemForPeer.ts';

describe('problemForPeer', () => {
  it.each(['StorageFull', 'DataFolderUnusable', 'InvalidData', 'TrainingFailed', 'LedgerCorrupt'] as ErrorCode[])(
    'tells %s without its words',
    (code) => {
      const problem = problemForPeer(new HansaError(code, '/home/merchant/orders.csv, column "margin"'));
      expect(problem.code).toBe(code);
      expect(JSON.stringify(problem)).not.toMatch(/merchant|margin/);
    },
  );

  it('tells what speaks of the protocol in full, and what is no HansaError not at all', () => {
    expect(problemForPeer(new HansaError('WrongRound', 'The set-up is for round 2.')).detail).toContain('round 2');
    expect(JSON.stringify(problemForPeer(new Error('stack and secrets')))).not.toContain('secrets');
  });
});
