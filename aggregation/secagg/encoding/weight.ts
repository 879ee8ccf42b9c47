/**
 * The weight of a node with `windows` training windows where the task weighs by buckets: min(W, ⌈windows / windowsPerUnit⌉), at least 1.
 *
 * Why buckets: exact counts form a linear system that natural drop-outs solve round by round.
 *
 * @throws RangeError (unless all are positive whole numbers)
 */
export function bucketWeight(windows: number, windowsPerUnit: number, weightMax: number): number {
  for (const value of [windows, windowsPerUnit, weightMax])
    if (!Number.isSafeInteger(value) || value < 1) throw new RangeError('Windows and weights are whole numbers from 1');
  return Math.min(weightMax, Math.ceil(windows / windowsPerUnit));
}
