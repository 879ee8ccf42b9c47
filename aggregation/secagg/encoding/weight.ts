import type { Weighting } from '@hansa/shared/protocol';

/**
 * a: the weight of a node with `examples` training examples; `weightingSchema` has the rules.
 *
 * @returns a whole number from 1 to W; 1 where all weigh the same
 * @throws RangeError (unless `examples` is a positive whole number)
 */
export function weightOf(weighting: Weighting, examples: number): number {
  if (!Number.isSafeInteger(examples) || examples < 1) throw new RangeError('Training examples are counted from 1');
  if (weighting.kind === 'uniform') return 1;
  const { kind, cap, levels } = weighting;
  const counted = Math.min(examples, cap);
  // Rounded up where it is no whole number: quotient and root of whole numbers this small are exact where they are whole.
  return Math.ceil(kind === 'examples' ? (levels * counted) / cap : Math.sqrt((levels ** 2 * counted) / cap));
}
