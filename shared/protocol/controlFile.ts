import { HansaError } from '../errors/index.ts';
import { layOut, type Manifest, type SafetensorsHeader } from '../numeric/index.ts';

const FORMAT = 'hansa-control-variate';
const TENSOR = 'control';

/** What a file of a control variate is: the coordinator's c, or a member's own. */
export interface ControlFile {
  readonly taskId: string;
  /** The committed rounds that made c, ascending; of a member's own, the round that made it. */
  readonly rounds: readonly number[];
}

/** The one tensor of a control variate's file (safetensors): a number for each that the task trains, in the order of the wire. */
export const controlManifest = (length: number): Manifest => layOut([{ name: TENSOR, shape: [length] }]);

/** The metadata of a control variate's file. */
export function controlMetadata({ taskId, rounds }: ControlFile): Readonly<Record<string, string>> {
  return { format: FORMAT, taskId, rounds: rangesOf(rounds) };
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
  const rounds = metadata.rounds === undefined ? undefined : roundsOf(metadata.rounds);
  if (
    metadata.format !== FORMAT ||
    metadata.taskId !== taskId ||
    rounds === undefined ||
    others.length > 0 ||
    tensor?.name !== TENSOR ||
    tensor.shape.length !== 1 ||
    tensor.shape[0] !== length
  )
    throw new HansaError(
      'ModelMismatch',
      `The file is no control variate of ${length} numbers for the task ${taskId}: it is of another task, or no control variate at all.`,
    );
  return { taskId, rounds };
}

/** Ascending numbers as text: "1-3,5". */
function rangesOf(rounds: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const round of rounds) {
    const range = ranges.at(-1);
    if (range !== undefined && round === range[1] + 1) range[1] = round;
    else ranges.push([round, round]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** The most rounds that a file may list: those of the longest task. */
const MOST_ROUNDS = 101_000;

/** The numbers of {@link rangesOf}; undefined where the text is of another form. */
function roundsOf(text: string): number[] | undefined {
  const rounds: number[] = [];
  for (const range of text.split(',')) {
    const [, first, last = first] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(range) ?? [];
    if (first === undefined || Number(first) <= (rounds.at(-1) ?? 0) || Number(last) < Number(first)) return undefined;
    if (rounds.length + Number(last) - Number(first) >= MOST_ROUNDS) return undefined;
    for (let round = Number(first); round <= Number(last); round++) rounds.push(round);
  }
  return rounds;
}
