import { betweenRounds, countedStages, phases } from '@hansa/shared/protocol';

/** English words for the label values that name a phase, a state of the coordinator or a stage of a member. */
export const labelWords: ReadonlyMap<string, string> = new Map([
  ...Object.entries({ ...betweenRounds, ...phases }).map(([label, { words }]) => [label, words.en] as const),
  ...countedStages.map(({ label, word }) => [label, word] as const),
]);
