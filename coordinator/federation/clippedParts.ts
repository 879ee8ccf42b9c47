import type { ClippedPart } from '@hansa/aggregation/secagg/encoding';
import { HansaError } from '@hansa/shared/errors';
import { lengthOf, partsOf, type Segment } from '@hansa/shared/model';
import type { TaskFile } from '@hansa/shared/protocol';

/**
 * The parts of a task's update with the L2 norms that members clip them to: the whole of it, or, where the task has `clips`, each segment.
 *
 * @throws HansaError InvalidTask (when a clip is for a segment that the task does not train)
 */
export function clippedParts(
  { clipNorm, clips }: Pick<TaskFile['secureAggregation'], 'clipNorm' | 'clips'>,
  segments: readonly Segment[],
): ClippedPart[] {
  if (clips === undefined) return [{ name: 'update', length: lengthOf(segments), clipNorm }];
  const parts = partsOf(segments);
  const strange = Object.keys(clips).filter((name) => parts.every((part) => part.name !== name));
  if (strange.length > 0)
    throw new HansaError(
      'InvalidTask',
      `secureAggregation.clips names ${strange.join(' and ')}; what this task trains is ${parts.map(({ name }) => name).join(', ')}.`,
    );
  return parts.map(({ name, length }) => ({ name, length, clipNorm: clips[name] ?? clipNorm }));
}
