import type { SecAggConfig } from '@hansa/shared/protocol/secagg';

/** The numbers that follow from a cohort's size n1 on the complete graph. */
export interface Thresholds {
  /** k: holders of each secret. */
  readonly holders: number;
  /** t: shares that rebuild a secret. */
  readonly threshold: number;
  /** q: signatures on one U3. */
  readonly quorum: number;
  readonly minSurvivors: number;
}

type Rates = Pick<SecAggConfig, 'gammaPermille' | 'deltaPermille' | 'minSurvivors'>;

/** ⌈rate · count⌉ for a rate in thousandths, without rounding error. */
const permilleOf = (permille: number, count: number): number => Math.ceil((permille * count) / 1000);

/**
 * The thresholds of a cohort of `cohortSize`: k = n1, t = ⌊2·n1/3⌋+1, q = max(⌊(n1+⌈γ·n1⌉)/2⌋+1, t), minSurvivors = max(q, ⌈(1−δ)·n1⌉, the task's).
 *
 * Undefined where 2t > k + ⌈γ·n1⌉ does not hold: a corrupt part that large could open a secret twice. Source: SA-1, step L1.
 */
export function thresholdsFor(rates: Rates, cohortSize: number): Thresholds | undefined {
  const corrupt = permilleOf(rates.gammaPermille, cohortSize);
  const threshold = Math.floor((2 * cohortSize) / 3) + 1;
  if (2 * threshold <= cohortSize + corrupt || threshold > cohortSize) return undefined;
  const quorum = Math.max(Math.floor((cohortSize + corrupt) / 2) + 1, threshold);
  const minSurvivors = Math.max(quorum, permilleOf(1000 - rates.deltaPermille, cohortSize), rates.minSurvivors);
  return { holders: cohortSize, threshold, quorum, minSurvivors };
}
