import { HansaError } from '../errors/index.ts';
import { layOut, type Manifest, type SafetensorsHeader } from '../numeric/index.ts';

const FORMAT = 'hansa-control-variate';
const TENSOR = 'control';

/** The most members that a file may name: many times the largest roster, and within what a file's header may hold. */
const MOST_MEMBERS = 32_768;

/** What a file of a control variate is: the coordinator's c, or a member's own. */
export interface ControlFile {
  readonly taskId: string;
  /**
   * By roster index the newest committed round whose sum has the member's update; it holds all members that have been in a sum of the task. Of a member's own, the
   * member and the round that made it.
   */
  readonly lastRounds: ReadonlyMap<number, number>;
}

/** The one tensor of a control variate's file (safetensors): a number for each that the task trains, in the order of the wire. */
export const controlManifest = (length: number): Manifest => layOut([{ name: TENSOR, shape: [length] }]);

/** The metadata of a control variate's file. */
export function controlMetadata({ taskId, lastRounds }: ControlFile): Readonly<Record<string, string>> {
  return { format: FORMAT, taskId, lastRounds: textOf(lastRounds) };
}

/**
 * Reads what a control variate's file says of itself.
 *
 * @param length numbers that the task trains
 * @throws HansaError ModelMismatch (when it is none, or of another task or length)
 */
export function readControlHeader(
  { metadata, manifest }: SafetensorsHeader,
  { taskId, length }: { readonly taskId: string; readonly length: number },
): ControlFile {
  const [tensor, ...others] = manifest;
  const lastRounds = metadata.lastRounds === undefined ? undefined : lastRoundsOf(metadata.lastRounds);
  if (
    metadata.format !== FORMAT ||
    metadata.taskId !== taskId ||
    lastRounds === undefined ||
    others.length > 0 ||
    tensor?.name !== TENSOR ||
    tensor.shape.length !== 1 ||
    tensor.shape[0] !== length
  )
    throw new HansaError(
      'ModelMismatch',
      `The file is no control variate of ${length} numbers for the task ${taskId}: it is of another task, or no control variate at all.`,
    );
  return { taskId, lastRounds };
}

/** Members and rounds as text, by member: "0-2:7,5:3" says round 7 of members 0 to 2 and round 3 of member 5. */
function textOf(lastRounds: ReadonlyMap<number, number>): string {
  const ranges: { readonly first: number; last: number; readonly round: number }[] = [];
  for (const [member, round] of [...lastRounds].sort(([a], [b]) => a - b)) {
    const range = ranges.at(-1);
    if (range !== undefined && range.last + 1 === member && range.round === round) range.last = member;
    else ranges.push({ first: member, last: member, round });
  }
  return ranges.map(({ first, last, round }) => `${first === last ? first : `${first}-${last}`}:${round}`).join(',');
}

/** What {@link textOf} made a text of; undefined where the text is of another form. */
function lastRoundsOf(text: string): ReadonlyMap<number, number> | undefined {
  const lastRounds = new Map<number, number>();
  for (const range of text.split(',')) {
    const [, first, last = first, round] = /^(\d{1,10})(?:-(\d{1,10}))?:([1-9]\d{0,5})$/.exec(range) ?? [];
    if (first === undefined || Number(last) > 0xffff_ffff) return undefined;
    if (lastRounds.size + Number(last) - Number(first) >= MOST_MEMBERS) return undefined;
    for (let member = Number(first); member <= Number(last); member++) lastRounds.set(member, Number(round));
  }
  // There is one text for a map: no other order, no member twice, no range that is cut in two.
  return textOf(lastRounds) === text ? lastRounds : undefined;
}
