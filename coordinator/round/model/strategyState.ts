import type { StateVector, Strategy } from '@hansa/aggregation/strategy';
import { HansaError } from '@hansa/shared/errors';
import { type Segment, type Trained, trainedSegments } from '@hansa/shared/model';
import { encodeHeader, layOut, type Manifest } from '@hansa/shared/numeric';
import { readHeaderOfBlob } from '../../storage/blobHeader.ts';
import type { BlobReader } from '../../storage/blobStore.ts';
import { lostState } from '../../storage/strategyStates.ts';

const FLOAT_SIZE_BYTES = 4;
const FORMAT = 'hansa-strategy-state';

/** A piece of a file's vector, in numbers. */
type Piece = Pick<Segment, 'offset' | 'length'>;

/**
 * Which numbers of a task's file its strategy keeps vectors for: those that any of its rounds trains, in the file's order.
 *
 * The rounds of RoLoRA train two factors in turn: a factor's part of the state stays as it is in the rounds that leave the factor alone.
 */
export class StateLayout {
  readonly pieces: readonly Piece[];
  /** Numbers in each vector of the state. */
  readonly length: number;

  constructor(trained: Trained, manifest: Manifest) {
    const pieces: { offset: number; length: number }[] = [];
    const all = [1, 2].flatMap((round) => trainedSegments(manifest, trained, round));
    for (const { offset, length } of all.sort((a, b) => a.offset - b.offset)) {
      const last = pieces.at(-1);
      if (last === undefined || last.offset + last.length < offset) pieces.push({ offset, length });
      else last.length = Math.max(last.length, offset + length - last.offset);
    }
    this.pieces = pieces;
    this.length = pieces.reduce((sum, { length }) => sum + length, 0);
  }

  /** Place in a vector of the state of what lies at `offset` in the file's vector. */
  placeOf(offset: number): number {
    let place = 0;
    for (const piece of this.pieces) {
      if (offset >= piece.offset && offset < piece.offset + piece.length) return place + offset - piece.offset;
      place += piece.length;
    }
    throw new RangeError(`the task trains nothing at ${offset}`);
  }
}

/** What a round's state belongs to. */
export interface StateOwner {
  readonly taskId: string;
  readonly round: number;
  readonly strategy: Strategy;
}

/** The start of a state's file (safetensors): one tensor for each vector, and whose state it is. */
export function stateHeader({ taskId, round, strategy }: StateOwner, length: number): Uint8Array {
  const metadata = { format: FORMAT, strategy: strategy.name, taskId, round: String(round) };
  return encodeHeader(layOut(strategy.state.map(({ name }) => ({ name, shape: [length] }))), metadata);
}

/** The vectors of a strategy as the round before left them. */
export interface StateReader {
  /** Fills `into` with the numbers of a vector (by its place in `Strategy.state`) from `place` on. */
  read(vector: number, place: number, into: Float32Array): Promise<void>;
  close(): Promise<void>;
}

/** A strategy's vectors before its first round. */
export const firstState = (vectors: readonly StateVector[]): StateReader => ({
  async read(vector, _place, into) {
    into.fill(vectors[vector]!.initial);
  },
  close: async () => undefined,
});

/** Reads a stored state. @throws HansaError StrategyStateLost (when the file is not one of this task's strategy) */
export async function readState(
  blob: BlobReader,
  hash: string,
  { taskId, strategy }: Omit<StateOwner, 'round'>,
  length: number,
): Promise<StateReader> {
  const header = await readHeaderOfBlob(blob).catch((error: unknown) => {
    throw error instanceof HansaError ? lostState(hash, 'is damaged') : error;
  });
  const { format, strategy: name, taskId: owner } = header.metadata;
  const isOurs =
    format === FORMAT &&
    name === strategy.name &&
    owner === taskId &&
    header.manifest.length === strategy.state.length &&
    strategy.state.every(({ name: vector }, at) => {
      const tensor = header.manifest[at];
      return tensor?.name === vector && tensor.shape.length === 1 && tensor.shape[0] === length;
    });
  if (!isOurs) throw lostState(hash, 'is of another task or strategy');
  return {
    read: (vector, place, into) =>
      blob.read(
        new Uint8Array(into.buffer, into.byteOffset, into.byteLength),
        header.dataOffset + (vector * length + place) * FLOAT_SIZE_BYTES,
      ),
    close: () => blob.close(),
  };
}
