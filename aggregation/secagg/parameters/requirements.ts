/** Bits of security: what may go wrong for privacy has a probability of at most 2^-40, half of it for each of two events. */
export const securityBits = 40;
/** Bits of correctness: with drop-outs at the rate told, a round fails for want of shares with a probability of at most 2^-20. */
export const correctnessBits = 20;

/**
 * What the coordinator may do beside looking: nothing and it is trusted ('none'), nothing but it looks ('semiHonest'), or tell different members
 * different sets of survivors ('semiMalicious'), so that an honest holder may be asked for one kind of share and another for the other.
 */
export type ServerModel = 'none' | 'semiHonest' | 'semiMalicious';

/** Whom a graph must stand up to. */
export interface GraphRequirements {
  /** n: members of the cohort. */
  readonly clients: number;
  /** γ, 0..1: the share of them that work with the coordinator. */
  readonly corruptRate: number;
  /** δ, 0..1: the share of them that may drop out. */
  readonly dropoutRate: number;
  readonly server: ServerModel;
}

/** k neighbours for each member, t of whom rebuild its secrets; or why there are none. */
export type GraphParameters =
  | { readonly feasible: true; readonly degree: number; readonly threshold: number }
  | { readonly feasible: false; readonly reason: string };

/** ⌊rate · count⌋ for a rate that is written in decimals: the product's own rounding error is put right. */
export const wholePart = (rate: number, count: number): number => Math.floor(rate * count + 1e-9);

/** Why no graph whatever can meet the requirements; undefined where one may. */
export function hopelessBecause({ corruptRate, dropoutRate, server }: GraphRequirements): string | undefined {
  const weight = server === 'semiMalicious' ? 2 : 1;
  if (server === 'none' && corruptRate > 0)
    return 'with a trusted server no member is corrupt either: the corrupt rate must be 0';
  // Beyond nine tenths the margin between too many corrupt and too few surviving neighbours is gone at every size.
  if (corruptRate + weight * dropoutRate > 0.9 + 1e-12)
    return `the corrupt rate and ${weight === 2 ? 'twice ' : ''}the drop-out rate are more than 0.9 together: no threshold lies between the corrupt and the surviving neighbours of a member`;
  return undefined;
}
