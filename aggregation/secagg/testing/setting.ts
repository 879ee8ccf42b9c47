import { createHash } from 'node:crypto';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import type { ClippedPart } from '../encoding/fits.ts';
import { scaledParts } from '../encoding/parts.ts';

/** The moment at which every simulated set-up happens. */
export const leagueNowMs = 1_800_000_000_000;

/** A fixed id for each name. */
export const uuidOf = (name: string): string => {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

export const leagueFederation = uuidOf('federation');
export const leagueTask = uuidOf('task');

/** The hash that stands for the model of a round. */
export const leagueModelHash = (round: number): Uint8Array =>
  new Uint8Array(createHash('sha256').update(`model/${round}`).digest());

/** What a test fixes of a configuration: with `clipNorm` and `vectorLength` an update of one part, or its `parts`. */
export type LeagueConfig = Partial<Omit<SecAggConfig, 'parts'>> & {
  readonly clipNorm?: number;
  readonly parts?: readonly ClippedPart[];
};

/** A configuration for short vectors; `overrides` last. */
export function leagueConfig(
  size: number,
  { clipNorm = 4, parts: clipped, ...overrides }: LeagueConfig = {},
): SecAggConfig {
  const { maxCohort = Math.max(size, 2), wordBits = 32 } = overrides;
  const parts = scaledParts(
    { wordBits, maxCohort },
    clipped ?? [{ name: 'update', length: overrides.vectorLength ?? 37, clipNorm }],
  );
  return {
    suite: 'SA-1',
    vectorLength: parts.reduce((sum, { length }) => sum + length, 0),
    wordBits,
    parts,
    maxCohort,
    grouped: false,
    weightMax: 4,
    weighting: 'buckets',
    tail: [{ name: 'loss', low: 0, high: 10, steps: 1_000_000 }],
    dp: 'none',
    rule: 'complete-two-thirds',
    gammaPermille: 0,
    deltaPermille: 340,
    minCohort: Math.min(size, 4),
    minSurvivors: 2,
    knownFloor: 2,
    planHash: new Uint8Array(32).fill(1),
    architectureHash: new Uint8Array(32).fill(2),
    ...overrides,
  };
}

/** The configuration with other scales: `of` gives a part's log2 of one from what it was. */
export const withScales = (config: SecAggConfig, of: (scaleLog2: number) => number): SecAggConfig => ({
  ...config,
  parts: config.parts.map((part) => ({ ...part, scaleLog2: of(part.scaleLog2) })),
});
