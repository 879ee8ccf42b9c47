import { describe, expect, it } from 'vitest';
import {
  betweenRounds,
  coordinatorStates,
  type DeadlineKey,
  phaseOfStage,
  phases,
  roundPhases,
  stages,
  standardDeadlines,
} from './phases.ts';
import { taskFileSchema } from './task.ts';

/** A task file without deadlines. */
const taskFile = {
  name: 'demand',
  model: 'model.safetensors',
  rounds: 1,
  plan: {
    job: { kind: 'demand', frequency: 'week' },
    training: { steps: 1, batchSize: 1, learningRate: 0.1 },
    evaluation: { fineTuneSteps: 1, learningRates: [0.1] },
  },
};

describe('the phases of a round', () => {
  it.each(roundPhases)('%s has its words, and a deadline where it waits for nodes', (phase) => {
    const { words, stages: held, ...rest } = phases[phase];
    expect(words.short).toMatch(/^[a-z]{1,8}$/);
    expect(words.en).toMatch(/^[a-z ]+$/);
    expect(words.zh).toMatch(/^\p{Script=Han}+$/u);
    expect('deadline' in rest).toBe(held.length > 0);
  });

  it('have different words', () => {
    for (const language of ['short', 'en', 'zh'] as const) {
      const words = roundPhases.map((phase) => phases[phase].words[language]);
      expect(new Set(words).size).toBe(words.length);
    }
  });

  it('follow one another as the stages of secure aggregation do', () => {
    const places = stages.map((stage) => roundPhases.indexOf(phaseOfStage[stage]));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((left, right) => left - right));
    for (const phase of roundPhases) for (const stage of phases[phase].stages) expect(stages).toContain(stage);
  });

  it('give a task file its deadlines, each with its standard', () => {
    expect(taskFileSchema.parse(taskFile).deadlines).toEqual(standardDeadlines);
    const keys = coordinatorStates.flatMap((state) => {
      const facts = { ...betweenRounds, ...phases }[state];
      return 'deadline' in facts ? [facts.deadline.key] : [];
    });
    expect(new Set(keys).size).toBe(keys.length);
    expect(Object.keys(standardDeadlines).sort()).toEqual([...keys].sort());
    const changed = keys.map((key, place): [DeadlineKey, number] => [key, 100 + place]);
    const deadlines = Object.fromEntries(changed);
    expect(taskFileSchema.parse({ ...taskFile, deadlines }).deadlines).toEqual(deadlines);
    expect(taskFileSchema.safeParse({ ...taskFile, deadlines: { sleepMs: 1000 } }).success).toBe(false);
  });
});
