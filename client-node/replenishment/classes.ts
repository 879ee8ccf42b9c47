/** Share of the value of all demand up to which items are of class A, and B. */
const A_SHARE = 0.8;
const B_SHARE = 0.95;

/** Standard deviation over mean of a period's demand up to which items are of class X, and Y. */
const X_VARIATION = 0.5;
const Y_VARIATION = 1;

/** With fewer known periods nobody can tell how steady demand is. */
const LEAST_PERIODS = 8;

export type AbcClass = 'A' | 'B' | 'C';
export type XyzClass = 'X' | 'Y' | 'Z';

/**
 * Classes by value of demand: those that bring the first 80 % of it are A, the next 15 % B, the rest C. The item that crosses a limit is on its upper side.
 *
 * @param values of each item, at least 0
 */
export function abcClasses(values: readonly number[]): AbcClass[] {
  const total = values.reduce((sum, value) => sum + value, 0);
  const classes = new Array<AbcClass>(values.length).fill('C');
  let before = 0;
  for (const at of values.map((_, at) => at).sort((a, b) => values[b]! - values[a]!)) {
    if (values[at] === 0) break;
    if (before < A_SHARE * total) classes[at] = 'A';
    else if (before < B_SHARE * total) classes[at] = 'B';
    before += values[at]!;
  }
  return classes;
}

/**
 * The class by steadiness of demand: X where its standard deviation is at most half of its mean, Y up to the mean, Z above it, and where too little is known.
 *
 * @param history units by period; null = not known
 */
export function xyzClass(history: readonly (number | null)[]): XyzClass {
  const known = history.filter((units) => units !== null);
  const mean = known.reduce((sum, units) => sum + units, 0) / known.length;
  if (known.length < LEAST_PERIODS || !(mean > 0)) return 'Z';
  const variance = known.reduce((sum, units) => sum + (units - mean) ** 2, 0) / (known.length - 1);
  const variation = Math.sqrt(variance) / mean;
  return variation <= X_VARIATION ? 'X' : variation <= Y_VARIATION ? 'Y' : 'Z';
}
