import { type Draw, probabilityAbove, probabilityBelow, smallest } from './hypergeometric.ts';
import { correctnessBits, type ServerModel, securityBits } from './requirements.ts';

/** A member's neighbours as two draws: how many of them are corrupt, how many survive. */
export interface Neighbourhood {
  readonly clients: number;
  readonly degree: number;
  readonly corrupt: Omit<Draw, 'drawn'>;
  readonly surviving: Omit<Draw, 'drawn'>;
}

/** t and what it was found from. */
export interface Threshold {
  readonly threshold: number;
  /** With a probability of at least 1 − 2^-41 no member has more corrupt neighbours. */
  readonly mostCorrupt: number;
}

/**
 * The smallest t ≥ 2 that no member's corrupt neighbours reach, and that every member's surviving neighbours do; undefined where there is none.
 *
 * Security, for each of n members Pr[corrupt neighbours > t1] ≤ 2^-41/n: semi-honest t > t1; semi-malicious 2t > k + t1, since the corrupt answer for
 * both secrets and the honest for one. Correctness: Pr[surviving neighbours < t] < 2^-20/n. Source: Bell et al. 2020, section 3 (definitions of a
 * "good" graph) with exact hypergeometric tails.
 */
export function thresholdOf(
  { clients, degree, corrupt, surviving }: Neighbourhood,
  server: ServerModel,
): Threshold | undefined {
  const rare = 2 ** -(securityBits + 1) / clients;
  const mostCorrupt = smallest(0, degree, (count) => probabilityAbove({ ...corrupt, drawn: degree }, count) <= rare);
  const least = server === 'semiMalicious' ? Math.floor((degree + mostCorrupt) / 2) + 1 : mostCorrupt + 1;
  if (probabilityBelow({ ...surviving, drawn: degree }, least) >= 2 ** -correctnessBits / clients) return undefined;
  // Shamir's scheme with one share would be no secret sharing.
  return { threshold: Math.max(2, least), mostCorrupt };
}
