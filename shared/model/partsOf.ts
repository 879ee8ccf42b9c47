import type { Segment, SegmentName } from './segments.ts';

/** A segment as it lies on the wire, in one piece. */
export interface SegmentPart {
  readonly name: SegmentName;
  /** Numbers in it. */
  readonly length: number;
}

/**
 * The parts of the wire's vector that can have clips of their own: the segments in its order, each in one piece. A task's rounds all have the same.
 *
 * Segments of one name that follow each other on the wire are one part, wherever they lie in the file.
 */
export function partsOf(segments: readonly Segment[]): readonly SegmentPart[] {
  const parts: { name: SegmentName; length: number }[] = [];
  for (const { name, length } of segments) {
    const last = parts.at(-1);
    if (last?.name === name) last.length += length;
    else parts.push({ name, length });
  }
  return parts;
}
