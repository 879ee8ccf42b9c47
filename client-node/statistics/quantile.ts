/** Quantile of ascending values, linear between order statistics (type 7 of Hyndman and Fan 1996); 0 of none. */
export function quantileOfSorted(values: Float64Array, level: number): number {
  if (values.length === 0) return 0;
  const place = level * (values.length - 1);
  const below = Math.floor(place);
  const low = values[below] as number;
  const high = values[Math.min(below + 1, values.length - 1)] as number;
  return low + (place - below) * (high - low);
}
