import { controlManifest, controlMetadata, readControlHeader } from '@hansa/shared/protocol';
import { readWeights, writeTensors } from '../model/modelFile.ts';
import type { ControlVariates } from '../training/controlVariates.ts';
import type { ControlRequest } from './requests.ts';

/**
 * Reads a round's control variates: c is zero where it has no file yet, and cᵢ is c where the member has none.
 *
 * @throws HansaError NotFound, InvalidModelFile, ModelMismatch (naming the path)
 */
export async function readControls(request: ControlRequest, length: number): Promise<ControlVariates> {
  const read = async (path: string): Promise<Float32Array> =>
    (await readWeights(path, (header) => readControlHeader(header, { taskId: request.taskId, length }))).vector;
  const common = request.common === undefined ? new Float32Array(length) : await read(request.common);
  return { common, own: request.own === undefined ? common : await read(request.own) };
}

/** Writes cᵢ⁺, whole or not at all. */
export async function writeControl(
  { next, taskId, member }: ControlRequest,
  round: number,
  values: Float32Array,
): Promise<void> {
  await writeTensors(
    next,
    controlManifest(values.length),
    controlMetadata({ taskId, lastRounds: new Map([[member, round]]) }),
    [values],
  );
}
