import { HansaError } from '@hansa/shared/errors';
import { fitsWithoutWrap, wordLimit } from '@hansa/shared/numeric';
import { maxCompleteCohort, type SecAggConfig } from '@hansa/shared/protocol/secagg';
import { graphOf } from '../graph.ts';
import { thresholdsFor } from '../thresholds.ts';

/** The least S·c: below it an update is told in so few steps that training suffers. Source: SA-1, "Ring". */
const minStepsOfClip = 2 ** 10;

/** What the encoding depends on. */
export type EncodingConfig = Pick<
  SecAggConfig,
  'vectorLength' | 'clipNorm' | 'scaleLog2' | 'maxCohort' | 'weightMax' | 'weighting' | 'tail'
>;

/**
 * Proves that no sum of a task can leave the 32-bit ring, for the largest cohort, every member at its clip and with weight W.
 *
 * HansaError InvalidTask says which number does not fit: S one power too large, S·c < 2^10, a tail word with n·steps > 2^31−1, an empty range,
 * a name twice. Both sides call it: the coordinator when the task is made, the node on OPEN.
 */
export function assertEncodingFits(config: EncodingConfig): void {
  const { clipNorm, scaleLog2, maxCohort, weightMax, tail } = config;
  if (!fitsWithoutWrap({ clipNorm, maxCohort }, scaleLog2))
    refuse(
      `scale 2^${scaleLog2} with clipNorm ${clipNorm} can wrap the sum of ${maxCohort} updates; use a smaller scale`,
    );
  if (2 ** scaleLog2 * clipNorm < minStepsOfClip)
    refuse(
      `scale 2^${scaleLog2} leaves fewer than ${minStepsOfClip} steps below clipNorm ${clipNorm}; use a larger scale or a smaller cohort`,
    );
  if (maxCohort * weightMax > wordLimit) refuse('the sum of the weights does not fit a word');
  const names = new Set(['weight']);
  for (const word of tail) {
    if (names.has(word.name)) refuse(`tail word "${word.name}" is there twice`);
    names.add(word.name);
    if (!(word.low < word.high) || !Number.isFinite(word.high - word.low))
      refuse(`tail word "${word.name}" has an empty range`);
    if (maxCohort * word.steps > wordLimit)
      refuse(
        `tail word "${word.name}" has ${word.steps} steps: the sum of ${maxCohort} can wrap; use at most ${Math.floor(wordLimit / maxCohort)}`,
      );
  }
}

/**
 * Checks a whole configuration before a task is made: {@link assertEncodingFits}, and that the floors can be met by every cohort it allows.
 *
 * HansaError InvalidTask.
 */
export function assertConfigFits(config: SecAggConfig): void {
  assertEncodingFits(config);
  if (config.minCohort > config.maxCohort) refuse('minCohort is larger than maxCohort');
  if (graphOf(config) === 'complete' && config.maxCohort > maxCompleteCohort)
    refuse(
      `the complete graph goes up to ${maxCompleteCohort} members, maxCohort is ${config.maxCohort}; use the k-out graph`,
    );
  for (const size of sizesToCheck(config)) {
    const thresholds = thresholdsFor(config, size);
    if (thresholds === undefined)
      refuse(
        `with ${config.gammaPermille / 10} % corrupt and ${config.deltaPermille / 10} % drop-outs a cohort of ${size} has no safe threshold; use another size of cohort or smaller rates (hansa-coordinator secagg parameters tells what is possible)`,
      );
    else if (thresholds.minSurvivors > size)
      refuse(`minSurvivors ${config.minSurvivors} is more than a cohort of ${size} has`);
  }
}

/** On the complete graph every size; off it both ends, since the finder takes a millisecond a size and a cohort without parameters is never begun. */
function sizesToCheck({ rule, minCohort, maxCohort }: SecAggConfig): readonly number[] {
  if (graphOf({ rule }) === 'kOut') return [minCohort, maxCohort];
  return Array.from({ length: maxCohort - minCohort + 1 }, (_, place) => minCohort + place);
}

function refuse(what: string): never {
  throw new HansaError('InvalidTask', `The secure aggregation settings do not fit: ${what}.`);
}

/** Words of a masked vector: body, weight, tail. */
export const wordCountOf = (config: EncodingConfig): number => config.vectorLength + 1 + config.tail.length;

/** Bytes of a masked vector. */
export const byteLengthOf = (config: EncodingConfig): number => 4 * wordCountOf(config);

/** The largest body word a node may send, in either direction: ⌈S·c⌉. */
export const largestWordOf = (config: EncodingConfig): number => Math.ceil(2 ** config.scaleLog2 * config.clipNorm);
