import { maxCompleteCohort, type SecAggConfig } from '@hansa/shared/protocol/secagg';
import { graphOf } from './graph.ts';
import { kOutParameters } from './parameters/index.ts';

/** The numbers that follow from a cohort's size n1. */
export interface Thresholds {
  /** k: holders of each secret. */
  readonly holders: number;
  /** t: shares that rebuild a secret. */
  readonly threshold: number;
  /** q: signatures on one U3. */
  readonly quorum: number;
  readonly minSurvivors: number;
}

type Rates = Pick<SecAggConfig, 'rule' | 'gammaPermille' | 'deltaPermille' | 'minSurvivors'>;

/** ⌈rate · count⌉ for a rate in thousandths, without rounding error. */
const permilleOf = (permille: number, count: number): number => Math.ceil((permille * count) / 1000);

/**
 * The thresholds of a cohort of `cohortSize`. Complete graph (up to 128 members): k = n1, t = ⌊2·n1/3⌋+1; k-out: by {@link kOutParameters}.
 *
 * q = ⌊(n1+⌈γ·n1⌉)/2⌋+1, on the complete graph at least t; minSurvivors = max(q, ⌈(1−δ)·n1⌉, the task's). Undefined where there is no safe
 * threshold: a corrupt part that large could open a secret twice, or the graph finds no parameters. Source: SA-1, step L1.
 */
export function thresholdsFor(rates: Rates, cohortSize: number): Thresholds | undefined {
  const corrupt = permilleOf(rates.gammaPermille, cohortSize);
  const majority = Math.floor((cohortSize + corrupt) / 2) + 1;
  const shares = sharesFor(rates, cohortSize, corrupt);
  if (shares === undefined) return undefined;
  const quorum = graphOf(rates) === 'complete' ? Math.max(majority, shares.threshold) : majority;
  const minSurvivors = Math.max(quorum, permilleOf(1000 - rates.deltaPermille, cohortSize), rates.minSurvivors);
  return { ...shares, quorum, minSurvivors };
}

function sharesFor(
  rates: Rates,
  cohortSize: number,
  corrupt: number,
): Pick<Thresholds, 'holders' | 'threshold'> | undefined {
  if (graphOf(rates) === 'kOut') {
    const found = kOutParameters(cohortSize, rates.gammaPermille / 1000, rates.deltaPermille / 1000);
    return found.feasible ? { holders: found.degree, threshold: found.threshold } : undefined;
  }
  const threshold = Math.floor((2 * cohortSize) / 3) + 1;
  if (cohortSize > maxCompleteCohort || threshold > cohortSize || 2 * threshold <= cohortSize + corrupt)
    return undefined;
  return { holders: cohortSize, threshold };
}
