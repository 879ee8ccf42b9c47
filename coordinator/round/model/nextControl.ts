import type { MeanTile } from '@hansa/aggregation/secagg/encoding';
import type { RoundFacts, Strategy } from '@hansa/aggregation/strategy';
import { HansaError } from '@hansa/shared/errors';
import { encodeHeader } from '@hansa/shared/numeric';
import { controlManifest, controlMetadata, readControlHeader } from '@hansa/shared/protocol';
import { readHeaderOfBlob } from '../../storage/blobHeader.ts';
import { lostState, type StrategyStates } from '../../storage/strategyStates.ts';

const FLOAT_SIZE_BYTES = 4;

export interface NextControlRequest {
  readonly taskId: string;
  readonly round: number;
  /** The file of c that the round began with; undefined: c is zero. */
  readonly strategyStateHash: string | undefined;
  readonly states: StrategyStates;
  /** Numbers in c. */
  readonly length: number;
}

/** c as the round before left it. */
interface ControlReader {
  /** The committed rounds that made it. */
  readonly rounds: readonly number[];
  read(place: number, into: Float32Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * Makes SCAFFOLD's next c and stores it as a file that members fetch, tile by tile.
 *
 * @param tiles the mean change of the members' control variates, in order and without gaps
 * @returns the file's SHA-256
 * @throws HansaError StrategyStateLost, StorageFull
 * @throws what `tiles` throws
 */
export async function storeNextControl(
  request: NextControlRequest,
  applyControl: NonNullable<Strategy['applyControl']>,
  tiles: Iterable<MeanTile>,
  facts: RoundFacts,
): Promise<string> {
  const { taskId, round, states, length } = request;
  const before = await controlBefore(request);
  try {
    const metadata = controlMetadata({ taskId, rounds: [...before.rounds, round] });
    const content = async function* (): AsyncGenerator<Uint8Array> {
      yield encodeHeader(controlManifest(length), metadata);
      for (const { start, mean } of tiles) {
        const control = new Float32Array(mean.length);
        await before.read(start, control);
        applyControl(control, mean, facts);
        yield bytesOf(control);
      }
    };
    return (await states.put(content())).sha256;
  } finally {
    await before.close();
  }
}

async function controlBefore({
  taskId,
  strategyStateHash: hash,
  states,
  length,
}: NextControlRequest): Promise<ControlReader> {
  if (hash === undefined) return { rounds: [], read: async () => undefined, close: async () => undefined };
  const blob = await states.open(hash);
  try {
    const header = await readHeaderOfBlob(blob);
    const { rounds } = readControlHeader(header, { taskId, length });
    return {
      rounds,
      read: (place, into) => blob.read(bytesOf(into), header.dataOffset + place * FLOAT_SIZE_BYTES),
      close: () => blob.close(),
    };
  } catch (error) {
    await blob.close();
    throw error instanceof HansaError ? lostState(hash, 'is damaged, or of another task') : error;
  }
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
