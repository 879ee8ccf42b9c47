import { HansaError } from '@hansa/shared/errors';
import { fitsWithoutWrap, scaleLog2For, wordLimit } from '@hansa/shared/numeric';
import {
  leastSparseCorruptPermille,
  maxCompleteCohort,
  type SecAggConfig,
  type UpdatePart,
} from '@hansa/shared/protocol/secagg';
import { graphOf } from '../graph.ts';
import { thresholdsFor } from '../thresholds.ts';
import { passLengthOf } from './rotation.ts';

/** The least S·c: below it an update is told in so few steps that training suffers. Source: SA-1, "Ring". */
const minStepsOfClip = 2 ** 10;

/** The least S·β: a rotated number is told in at least so many steps to either side. Source: SA-1, "Ring". */
const minStepsOfBound = 2 ** 3;

/** B of the 16-bit ring: the largest sum that one of its words holds with its sign. */
const shortWordLimit = 2 ** 15 - 1;

/** ln of how improbable it is that a rotated update has a number that must be clamped: 2^-20 for a member and round. */
const logClampProbability = -20 * Math.LN2;

/** What the scales of a task's parts have in common. */
export type ScaleConfig = Pick<SecAggConfig, 'vectorLength' | 'wordBits' | 'maxCohort'>;

/** What the encoding depends on. */
export type EncodingConfig = ScaleConfig & Pick<SecAggConfig, 'parts' | 'weightMax' | 'weighting' | 'tail'>;

/** A part whose scale is not chosen yet. */
export type ClippedPart = Omit<UpdatePart, 'scaleLog2'>;

/**
 * What a single number of a part that is clipped to c stays within: c itself, and after the rotation of the 16-bit ring
 * β = c·√(2 ln(2d/2^-20)/p), to which a node clamps (see `rotate`, where p and the probability come from), if that is less. d counts the numbers of all
 * parts, so that the probability is for all of them together.
 */
export function coordinateBoundOf({ wordBits, vectorLength }: ScaleConfig, { length, clipNorm }: ClippedPart): number {
  if (wordBits === 32) return clipNorm;
  const deviations = Math.sqrt(2 * (Math.log(2 * vectorLength) - logClampProbability));
  return clipNorm * Math.min(1, deviations / Math.sqrt(passLengthOf(length)));
}

/**
 * log2 of the scale of a part: the largest power of two for which the largest cohort's sum cannot leave the ring.
 *
 * w = 32: see `scaleLog2For`. w = 16: S = 2^⌊log2(⌊B/n⌋/β)⌋ with B = 2^15 − 1, so that n words clamped to ±⌈S·β⌉ sum to at most B; −64 where no
 * scale can do. Whether that is enough for training is told by {@link assertEncodingFits}.
 */
export function scaleLog2Of(config: ScaleConfig, part: ClippedPart): number {
  const { wordBits, maxCohort } = config;
  if (wordBits === 32) return scaleLog2For({ clipNorm: part.clipNorm, maxCohort });
  const largest = Math.floor(shortWordLimit / maxCohort) / coordinateBoundOf(config, part);
  let exponent = Math.max(Math.floor(Math.log2(largest)), -64);
  // The logarithm is rounded: settle the last unit by comparing powers, which are exact.
  if (2 ** exponent > largest) exponent -= 1;
  if (2 ** (exponent + 1) <= largest) exponent += 1;
  return exponent;
}

/** The largest body word of a part that a node may send, in either direction: ⌈S·c⌉, in the 16-bit ring ⌈S·β⌉. */
export const largestWordOf = (config: ScaleConfig, part: UpdatePart): number =>
  Math.ceil(2 ** part.scaleLog2 * coordinateBoundOf(config, part));

/**
 * Proves that no sum of a task can leave its ring, for the largest cohort, every member at its clip and with weight W.
 *
 * Both sides call it: the coordinator when the task is made, the node on OPEN.
 *
 * @throws HansaError InvalidTask (naming the number that does not fit: a part's S one power too large, its S·c < 2^10 or, where w = 16, S·β < 8, a tail
 *   word with n·steps > 2^31−1, an empty range, a name twice)
 */
export function assertEncodingFits(config: EncodingConfig): void {
  const { maxCohort, weightMax, tail } = config;
  for (const part of config.parts) assertPartFits(config, part);
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

function assertPartFits(config: ScaleConfig, part: UpdatePart): void {
  const { wordBits, maxCohort } = config;
  const { name, clipNorm, scaleLog2 } = part;
  const fits =
    wordBits === 32
      ? fitsWithoutWrap({ clipNorm, maxCohort }, scaleLog2)
      : maxCohort * largestWordOf(config, part) <= shortWordLimit;
  if (!fits)
    refuse(
      `part "${name}" with scale 2^${scaleLog2} and clipNorm ${clipNorm} can wrap the sum of ${maxCohort} updates in ${wordBits} bits; use a smaller scale`,
    );
  const leastSteps = wordBits === 32 ? minStepsOfClip : minStepsOfBound;
  if (2 ** scaleLog2 * coordinateBoundOf(config, part) < leastSteps)
    refuse(
      `part "${name}" has a scale, 2^${scaleLog2}, that leaves fewer than ${leastSteps} steps below what clipNorm ${clipNorm} allows a number; use a larger scale, a smaller cohort${wordBits === 32 ? '' : ' or a ring of 32 bits'}`,
    );
}

/**
 * Checks a whole configuration before a task is made: {@link assertEncodingFits}, and that the floors can be met by every cohort it allows.
 *
 * @throws HansaError InvalidTask
 */
export function assertConfigFits(config: SecAggConfig): void {
  assertEncodingFits(config);
  if (config.minCohort > config.maxCohort) refuse('minCohort is larger than maxCohort');
  if (graphOf(config) === 'complete' && config.maxCohort > maxCompleteCohort)
    refuse(
      `the complete graph goes up to ${maxCompleteCohort} members, maxCohort is ${config.maxCohort}; use the k-out graph`,
    );
  if (graphOf(config) === 'kOut' && config.gammaPermille < leastSparseCorruptPermille)
    refuse(
      `the k-out graph needs a corrupt rate of at least ${leastSparseCorruptPermille / 1000}, not ${config.gammaPermille / 1000}: with less two members that work with the coordinator could open the update of another`,
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
