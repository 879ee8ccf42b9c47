/** SCAFFOLD's control variates at the start of a member's round, as long as what is trained. */
export interface ControlVariates {
  /** cᵢ: the mean gradient of the member's own data, as the last round it took part in found it. */
  readonly own: Float32Array;
  /** c: the mean of the members' cᵢ. */
  readonly common: Float32Array;
}

/** c − cᵢ: what the member adds to every gradient. */
export const correctionOf = ({ own, common }: ControlVariates): Float32Array =>
  common.map((value, index) => value - own[index]!);

/**
 * The member's next control variate, cᵢ⁺, and by what it differs from cᵢ.
 *
 * cᵢ⁺ is the mean of the round's gradients before they were corrected. With SGD at one learning rate η that is cᵢ − c + (x − y)/(Kη), option II of Karimireddy et
 * al. 2020; unlike it, it holds for other optimisers too. A longer difference than `clipNorm` is scaled down to it here, so that the member keeps what it sends.
 *
 * @param gradientSum of the uncorrected gradients of `steps` steps
 */
export function nextControl(
  own: Float32Array,
  gradientSum: Float32Array,
  steps: number,
  clipNorm: number,
): { next: Float32Array; difference: Float32Array } {
  let squares = 0;
  for (const [index, sum] of gradientSum.entries()) squares += (sum / steps - own[index]!) ** 2;
  const scale = Math.min(1, clipNorm / Math.sqrt(squares));
  const difference = gradientSum.map((sum, index) => scale * (sum / steps - own[index]!));
  return { next: own.map((value, index) => value + difference[index]!), difference };
}
