import { memberStages, memberStageWord } from '@hansa/shared/protocol';
import { expect, it } from 'vitest';
import { labelWords } from './labelWords.ts';
import { metricNames } from './metricNames.ts';

it('has a word for every phase, state and stage that is a label, and no word twice', () => {
  const {
    hansa_round_state,
    hansa_round_phase_duration_seconds,
    hansa_round_participants,
    hansa_secagg_dropouts_total,
  } = metricNames;
  const labels = new Set<string>([
    ...hansa_round_state.labels.state,
    ...hansa_round_phase_duration_seconds.labels.phase,
    ...hansa_round_participants.labels.stage,
    ...hansa_secagg_dropouts_total.labels.stage,
  ]);
  expect([...labelWords.keys()].sort()).toEqual([...labels].sort());
  expect(new Set(labelWords.values()).size).toBe(labels.size);
});

it("has a word for every stage of a member that fits a screen's column", () => {
  for (const stage of memberStages) expect(memberStageWord(stage)).toMatch(/^[a-z ]{1,22}$/);
});
