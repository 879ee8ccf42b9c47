import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../sourceCopy/repositoryRoot.ts';
import { applyPatch } from '../sourceCopy/sourceCopy.ts';
import { readFaults } from './faults.ts';
import { likelyFirst, suite } from './suite.ts';
import { explainedSurvivors } from './survivors.ts';

const faults = readFaults();

describe('planted faults', () => {
  it('are at least 45', () => {
    expect(faults.length).toBeGreaterThanOrEqual(45);
  });

  it.each(faults.map((fault) => [fault.name, fault] as const))('%s says what is wrong and applies', (_, fault) => {
    expect(fault.what).not.toBe('');
    expect(fault.files.every((file) => /^(shared|aggregation)\/.+(?<!\.test)\.ts$/.test(file))).toBe(true);
    applyPatch(repositoryRoot, fault.patchFile, ['--check']);
  });

  it('that are said to survive are there', () => {
    expect(faults.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(explainedSurvivors)));
  });
});

describe('the suite', () => {
  it('is there', () => {
    expect(suite.filter((file) => !existsSync(join(repositoryRoot, file)))).toEqual([]);
  });

  it('begins with the tests beside the fault', () => {
    expect(likelyFirst(['aggregation/secagg/grouping/groups.ts'])[0]).toBe('aggregation/secagg/grouping/draw.test.ts');
    expect(likelyFirst(['aggregation/secagg/maskKeys.ts']).toSorted()).toEqual(suite.toSorted());
  });
});
