import type { MeanTile } from '@hansa/aggregation/secagg/encoding';
import type { Strategy } from '@hansa/aggregation/strategy';
import { HansaError } from '@hansa/shared/errors';
import { encodeHeader } from '@hansa/shared/numeric';
import { type ControlFile, controlManifest, controlMetadata, readControlHeader } from '@hansa/shared/protocol';
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
  /** Roster indexes of the members in the round's sum. */
  readonly survivors: readonly number[];
}

/** c as the round before left it. */
interface ControlReader {
  /** As {@link ControlFile.lastRounds}. */
  readonly lastRounds: ControlFile['lastRounds'];
  read(place: number, into: Float32Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * Makes SCAFFOLD's next c and stores it as a file that members fetch, tile by tile. The file names the members in each sum, so that a node learns from it whether
 * c holds the change of its own control variate.
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
): Promise<string> {
  const { taskId, round, states, length, survivors } = request;
  const before = await controlBefore(request);
  try {
    const lastRounds = new Map([...before.lastRounds, ...survivors.map((member) => [member, round] as const)]);
    const metadata = controlMetadata({ taskId, lastRounds });
    const memberShare = survivors.length / lastRounds.size;
    const content = async function* (): AsyncGenerator<Uint8Array> {
      yield encodeHeader(controlManifest(length), metadata);
      for (const { start, mean } of tiles) {
        const control = new Float32Array(mean.length);
        await before.read(start, control);
        applyControl(control, mean, memberShare);
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
  if (hash === undefined) return { lastRounds: new Map(), read: async () => undefined, close: async () => undefined };
  const blob = await states.open(hash);
  try {
    const header = await readHeaderOfBlob(blob);
    const { lastRounds } = readControlHeader(header, { taskId, length });
    return {
      lastRounds,
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
