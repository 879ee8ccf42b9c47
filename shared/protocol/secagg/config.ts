import { z } from 'zod';
import { enc, hashOf, realBytes } from './enc.ts';
import { bytes32Schema, maxCohortSize, maxParts, maxVectorLength, maxWeight } from './limits.ts';

/** One tail word besides the weight: a number clipped to [low, high] and rounded to one of `steps` equal steps. */
export const tailWordSchema = z.strictObject({
  name: z.string().regex(/^[a-z][A-Za-z0-9]{0,31}$/),
  low: z.number(),
  high: z.number(),
  steps: z
    .int()
    .min(1)
    .max(2 ** 31 - 1),
});

export type TailWord = z.output<typeof tailWordSchema>;

/** A part of the update: consecutive numbers of the vector that are clipped and scaled together, apart from all others. */
const updatePartSchema = z.strictObject({
  name: z.string().regex(/^[a-z][A-Za-z0-9]{0,31}$/),
  /** Numbers in the part. */
  length: z.int().min(1).max(maxVectorLength),
  /** c: the L2 norm to which a node clips the part before it is scaled. */
  clipNorm: z.number().positive(),
  /** S = 2^scaleLog2: integer steps for one unit of the part. */
  scaleLog2: z.int().min(-64).max(64),
});

export type UpdatePart = z.output<typeof updatePartSchema>;

/**
 * The settings of secure aggregation that a task fixes for all of its rounds; every node hashes them into the set-up's id.
 *
 * A masked vector is `vectorLength` body words of `wordBits` (the update), padded to a multiple of 4 bytes; then the weight a and one word for each
 * entry of `tail`, of 32 bits in either ring; little-endian.
 * `assertEncodingFits` of @hansa/aggregation/secagg/encoding checks that clips, scales and cohort fit together.
 */
export const secAggConfigSchema = z
  .strictObject({
    suite: z.literal('SA-1'),
    /** d: numbers in an update. */
    vectorLength: z.int().min(1).max(maxVectorLength),
    /** w: bits of a word of the body. With 16 a node rotates each part of its update before it rounds. */
    wordBits: z.literal([16, 32]),
    /** The parts of the update in the vector's order, without gaps: their lengths sum to `vectorLength`. */
    parts: z.array(updatePartSchema).min(1).max(maxParts),
    /** The largest cohort for which the sum cannot wrap. */
    maxCohort: z.int().min(2).max(maxCohortSize),
    /** Whether members are split at random into groups of at most `maxCohort`, whose sums are summed (see draw.ts). */
    grouped: z.boolean(),
    /** W: weights are whole numbers 1..W; with `uniform` every node's weight is W. */
    weightMax: z.int().min(1).max(maxWeight),
    weighting: z.enum(['uniform', 'buckets']),
    tail: z.array(tailWordSchema).max(32),
    /** Differential privacy: this protocol version adds no noise. */
    dp: z.literal('none'),
    /**
     * How holders k, threshold t and quorum q follow from the cohort of n. 'complete-two-thirds' (n ≤ 128): k = n, t = ⌊2n/3⌋+1,
     * q = max(⌊(n+⌈γn⌉)/2⌋+1, t). 'k-out-40-20': each member draws its own k holders; k and t by the parameter finder for n, γ and δ at 40 bits of
     * security and 20 of correctness, q = ⌊(n+⌈γn⌉)/2⌋+1.
     */
    rule: z.enum(['complete-two-thirds', 'k-out-40-20']),
    /** γ: the share of a cohort that may be corrupt, in thousandths. */
    gammaPermille: z.int().min(0).max(333),
    /** δ: the share of a cohort that may drop out, in thousandths. */
    deltaPermille: z.int().min(0).max(500),
    minCohort: z.int().min(2).max(maxCohortSize),
    minSurvivors: z.int().min(2).max(maxCohortSize),
    knownFloor: z.int().min(0).max(maxCohortSize),
    /** SHA-256 of the training plan's JSON text, as `assignment` carries it. */
    planHash: bytes32Schema,
    /** SHA-256 of the model's architecture and parameter manifest. */
    architectureHash: bytes32Schema,
  })
  .refine(({ vectorLength, parts }) => parts.reduce((sum, { length }) => sum + length, 0) === vectorLength, {
    message: 'have lengths that do not sum to vectorLength',
    path: ['parts'],
  })
  .refine(({ parts }) => new Set(parts.map(({ name }) => name)).size === parts.length, {
    message: 'have a name twice',
    path: ['parts'],
  });

export type SecAggConfig = z.output<typeof secAggConfigSchema>;

/** The hash of a configuration that OPEN and every round are bound to. */
export function configHash(config: SecAggConfig): Uint8Array {
  return hashOf(
    'config',
    config.suite,
    config.vectorLength,
    config.wordBits,
    enc(
      ...config.parts.map(({ name, length, clipNorm, scaleLog2 }) =>
        enc(name, length, realBytes(clipNorm), realBytes(scaleLog2)),
      ),
    ),
    config.maxCohort,
    config.grouped ? 'grouped' : 'whole',
    config.weightMax,
    config.weighting,
    enc(...config.tail.map((word) => enc(word.name, realBytes(word.low), realBytes(word.high), word.steps))),
    config.dp,
    config.rule,
    config.gammaPermille,
    config.deltaPermille,
    config.minCohort,
    config.minSurvivors,
    config.knownFloor,
    config.planHash,
    config.architectureHash,
  );
}
