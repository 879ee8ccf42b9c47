/** In what quantities a supplier sells. */
export interface Lots {
  /** Units in a pack, above 0. */
  readonly packSize: number;
  /** The fewest units of an order, 0 or more. */
  readonly minimumOrder: number;
}

/** Less than this share of a pack is an error of arithmetic. */
const TOLERANCE = 1e-6;

/** The least order of whole packs, at least the minimum, that brings `need` units; 0 where nothing is needed. */
export function orderQuantity(need: number, { packSize, minimumOrder }: Lots): number {
  if (!(need > TOLERANCE * packSize)) return 0;
  return inPacks(Math.ceil(Math.max(need, minimumOrder) / packSize - TOLERANCE), packSize);
}

/** The largest order that brings no more than `need` units; 0 where the supplier sells no such. */
export function orderBelow(need: number, { packSize, minimumOrder }: Lots): number {
  const order = inPacks(Math.floor(need / packSize + TOLERANCE), packSize);
  return order > 0 && order >= minimumOrder - TOLERANCE * packSize ? order : 0;
}

/** Whole packs as units, without what binary fractions add to 0.1. */
export const inPacks = (packs: number, packSize: number): number => Number((packs * packSize).toPrecision(12));
