import type { Segment, SegmentName } from './segments.ts';

/** A segment in the sent vector, where it is contiguous. */
export interface SegmentPart {
  readonly name: SegmentName;
  /** Numbers in it. */
  readonly length: number;
}

/**
 * The parts of the sent vector that can be clipped apart: its segments in order. They are the same in all rounds of a task.
 *
 * Segments of one name that follow each other in the sent vector are one part, wherever they are in the file.
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
