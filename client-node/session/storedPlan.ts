import { type Plan, planSchema } from '@hansa/shared/protocol';

/**
 * Reads a plan that this node took in once; one that has the settings of local training beside the job's name, as plans had before there were several jobs,
 * is put into today's form.
 *
 * No task in progress has such a plan: the coordinator ended them all. Its weighting is left out, since nothing but a round asks for it.
 *
 * @throws SyntaxError (when the text is not JSON)
 * @throws what the schema throws (when it is no plan of either form)
 */
export function readStoredPlan(planText: string): Plan {
  const value: unknown = JSON.parse(planText);
  const parsed = planSchema.safeParse(value);
  return parsed.success ? parsed.data : planSchema.parse(planByJob(value as Record<string, unknown>));
}

function planByJob(old: Record<string, unknown>): unknown {
  const {
    job,
    frequency,
    localSteps,
    batchSize,
    optimizer,
    learningRate,
    warmupSteps,
    proximalMu,
    earlyStop,
    windowsPerUnit: _,
    ...plan
  } = old;
  const training = { steps: localSteps, batchSize, optimizer, learningRate, warmupSteps, proximalMu, earlyStop };
  return { ...plan, job: { kind: job, frequency }, training };
}
