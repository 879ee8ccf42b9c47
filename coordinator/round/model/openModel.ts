import { setImmediate as nextTurn } from 'node:timers/promises';
import { type FoldedSum, type MeanTile, openSum, rotationSeed } from '@hansa/aggregation/secagg/encoding';
import { type UnmaskPlan, wipeUnmaskPlan } from '@hansa/aggregation/secagg/server';
import type { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { meanStepsOf, withoutStrategyReport } from '@hansa/aggregation/strategy';
import { HansaError } from '@hansa/shared/errors';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import { type NextModel, type NextModelRequest, storeNextModel } from './nextModel.ts';

/** Numbers of a tile of the mean. */
const TILE_LENGTH = 16_384;

/** What came of opening the sums of a round. */
export interface OpenedModel extends NextModel {
  /** One for each cohort that is in the model, in the order of the request. */
  readonly sums: readonly {
    /** SHA-256 of the unmasked sum: body then tail. */
    readonly resultHash: Uint8Array;
    readonly weightSum: number;
  }[];
  /** Means over all survivors, by name, of the losses and metrics in the tail. */
  readonly means: Readonly<Record<string, number>>;
}

/** One cohort's masked sum and how their masks go. */
export interface CohortToOpen {
  readonly plan: UnmaskPlan;
  /** The sum of these members' vectors; asked for once, and its masks are taken away in place. */
  sum(survivors: readonly number[]): Promise<FoldedSum>;
  /** Its sum cannot be that of clipped updates: the others go on without it. */
  refuse(error: HansaError): void;
}

export interface OpenModelRequest extends NextModelRequest {
  readonly config: SecAggConfig;
  /** E: the most steps that a member takes in a round. */
  readonly localSteps: number;
  /** At least one. */
  readonly cohorts: readonly CohortToOpen[];
  readonly threads: MaskThreads;
}

/**
 * Takes the masks away from the sum of each cohort, applies the strategy to the mean over all of them and stores the next model; wipes
 * the plans.
 *
 * Memory: the sums, one for each cohort, whatever the number of vectors; with several cohorts, or in the 16-bit ring, also the mean. The model is stored only once every sum
 * in it proved to be in range.
 *
 * @throws HansaError SumOutOfRange (when no cohort's sum is in range), StorageFull, StrategyStateLost, ProcessFailed
 */
export async function openModel(request: OpenModelRequest): Promise<OpenedModel> {
  const { cohorts } = request;
  try {
    const [only] = cohorts;
    const opened =
      only !== undefined && cohorts.length === 1 ? await openCohort(request, only) : await meanOfCohorts(request);
    const { meanSteps } = opened;
    const facts = {
      stepShare: meanSteps === undefined ? 1 : meanSteps / request.localSteps,
      survivors: opened.survivors,
    };
    const next = await storeNextModel(request, opened.tiles, facts);
    return { ...next, sums: opened.sums(), means: withoutStrategyReport(opened.means) };
  } finally {
    for (const { plan } of cohorts) wipeUnmaskPlan(plan);
  }
}

/** The mean of a round's updates. */
interface OpenedMean {
  /** Begins another pass over it. */
  tiles(): Iterable<MeanTile>;
  readonly means: OpenedModel['means'];
  /** As {@link meanStepsOf}. */
  readonly meanSteps: number | undefined;
  /** Roster indexes of the members in it. */
  readonly survivors: readonly number[];
  /** Known once the first pass has ended. */
  sums(): OpenedModel['sums'];
}

async function openCohort(
  { config, round, modelHash, strategy, localSteps, threads }: OpenModelRequest,
  { plan, sum: sumOf }: CohortToOpen,
): Promise<OpenedMean & { readonly weightSum: number }> {
  const folded = await sumOf(plan.survivors);
  await threads.expand(config, plan.masks, (at, part) => folded.subtract(at, part));
  const seed = rotationSeed(config, Buffer.from(modelHash, 'hex'), round);
  const survivors = plan.survivors.length;
  const { weightSum, means, tiles } = openSum(config, survivors, folded.bytes, seed);
  const meanSteps = meanStepsOf(strategy, localSteps, { survivors, weightSum, means });
  let resultHash: Uint8Array | undefined;
  return {
    *tiles() {
      resultHash = (yield* tiles()).resultHash;
    },
    weightSum,
    means,
    meanSteps,
    survivors: plan.survivors,
    sums: () => {
      if (resultHash === undefined) throw new RangeError('the sum was not read to its end');
      return [{ resultHash, weightSum }];
    },
  };
}

/** The weighted mean over several cohorts, one after the other; one whose sum is out of range is refused and left out. */
async function meanOfCohorts(request: OpenModelRequest): Promise<OpenedMean> {
  const { config, cohorts } = request;
  const total = new Float64Array(config.vectorLength);
  const sums: OpenedModel['sums'][number][] = [];
  const means: Record<string, number> = {};
  let weight = 0;
  let steps = 0;
  const survivors: number[] = [];
  let refusal: HansaError | undefined;
  for (const cohort of cohorts) {
    const part = new Float64Array(config.vectorLength);
    try {
      const opened = await openCohort(request, cohort);
      for (const { start, mean } of opened.tiles()) part.set(mean, start);
      for (let index = 0; index < total.length; index++) total[index] = total[index]! + part[index]! * opened.weightSum;
      sums.push(...opened.sums());
      weight += opened.weightSum;
      steps += (opened.meanSteps ?? 0) * opened.weightSum;
      const count = cohort.plan.survivors.length;
      for (const [name, value] of Object.entries(opened.means)) means[name] = (means[name] ?? 0) + value * count;
      survivors.push(...cohort.plan.survivors);
    } catch (error) {
      if (!(error instanceof HansaError) || error.code !== 'SumOutOfRange') throw error;
      refusal = error;
      cohort.refuse(error);
    }
    await nextTurn();
  }
  if (refusal !== undefined && sums.length === 0) throw refusal;
  for (const name of Object.keys(means)) means[name] = means[name]! / survivors.length;
  return {
    sums: () => sums,
    means,
    survivors,
    meanSteps: request.strategy.name === 'fedNova' ? steps / weight : undefined,
    *tiles() {
      const mean = new Float64Array(TILE_LENGTH);
      for (let start = 0; start < total.length; start += TILE_LENGTH) {
        const count = Math.min(TILE_LENGTH, total.length - start);
        for (let index = 0; index < count; index++) mean[index] = total[start + index]! / weight;
        yield { start, mean: mean.subarray(0, count) };
      }
    },
  };
}
