import type { UpdatePart } from '@hansa/shared/protocol/secagg';
import { type ClippedPart, type ScaleConfig, scaleLog2Of } from './fits.ts';

/** A part and where it lies in the vector: numbers `start` to just before `end`. */
export interface PlacedPart extends UpdatePart {
  readonly start: number;
  readonly end: number;
}

/** The parts of an update with their places: they follow each other without gaps. */
export function placedParts(parts: readonly UpdatePart[]): readonly PlacedPart[] {
  let end = 0;
  return parts.map((part) => {
    const start = end;
    end += part.length;
    return { ...part, start, end };
  });
}

/** The parts of a task, each with the largest scale at which its sum cannot leave the ring. */
export function scaledParts(config: Omit<ScaleConfig, 'vectorLength'>, parts: readonly ClippedPart[]): UpdatePart[] {
  const vectorLength = parts.reduce((sum, { length }) => sum + length, 0);
  return parts.map((part) => ({ ...part, scaleLog2: scaleLog2Of({ ...config, vectorLength }, part) }));
}
