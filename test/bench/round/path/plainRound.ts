import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { byteLengthOf, FoldedSum, quantisedTiles } from '@hansa/aggregation/secagg/encoding';
import type { ReducerLeague } from '@hansa/aggregation/secagg/testing';
import { writeTiles } from '../../../../client-node/session/localRound.ts';
import type { Announcement } from './maskedRound.ts';
import type { CommonMs, Pieces } from './pieces.ts';
import { arrival, LATENCY_MS, median, type Round, type Share, timed } from './timing.ts';
import { uploaded } from './uploaded.ts';

/** The same round without secure aggregation. */
export async function plainRound(
  league: ReducerLeague,
  { startBytes, headerBytes }: Announcement,
  pieces: Pieces,
  { checkMs, uploadMs }: CommonMs,
  folder: string,
): Promise<Round> {
  const { config, modelBytes } = pieces;
  const sum = new FoldedSum(config);
  const file = join(folder, 'plain');
  const written: number[] = [];
  for (const { contribution } of league.nodes.values()) {
    const vector = await timed(() => writeTiles(quantisedTiles(contribution), file, new AbortController().signal));
    written.push(vector.tookMs);
    sum.add(0, await readFile(file));
  }
  const startHeard = arrival(0, startBytes);
  const modelChecked = arrival(startHeard + LATENCY_MS, modelBytes) + checkMs;
  const vectorWritten = modelChecked + median(written);
  const { takenMs: vectorsTaken, lineSpeedGainMs } = uploaded({
    config,
    clients: league.nodes.size,
    readyMs: vectorWritten,
    headerBytes,
    headersMs: 0,
    uploadMs,
  });
  const survivors = [...league.nodes.keys()];
  const modelStored = vectorsTaken + (await pieces.openMs({ survivors, masks: [] }, sum));
  const node: Share = {
    processorMs: checkMs + median(written),
    bytesUp: headerBytes + byteLengthOf(config),
    bytesDown: startBytes + modelBytes,
  };
  const moments = { startHeard, modelChecked, vectorWritten, vectorsTaken, modelStored };
  return { node, moments, lineSpeedGainMs };
}
