/** Adds `terms` to `sum` modulo 2^32, word by word; both have one length. */
export function addWords(sum: Uint32Array, terms: Uint32Array): void {
  requireSameLength(sum, terms);
  for (let index = 0; index < terms.length; index++) sum[index] = sum[index]! + terms[index]!;
}

/** Subtracts `terms` from `sum` modulo 2^32, word by word; both have one length. */
export function subtractWords(sum: Uint32Array, terms: Uint32Array): void {
  requireSameLength(sum, terms);
  for (let index = 0; index < terms.length; index++) sum[index] = sum[index]! - terms[index]!;
}

function requireSameLength(left: Uint32Array, right: Uint32Array): void {
  if (left.length !== right.length)
    throw new RangeError(`Vectors of ${left.length} and ${right.length} words do not fit`);
}
