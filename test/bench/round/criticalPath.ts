import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReducerLeague } from '@hansa/aggregation/secagg/testing';
import { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { seededRandom } from '@hansa/shared/random';
import { openJournal } from '../../../client-node/ledger/journal.ts';
import type { BenchCase } from '../report.ts';
import { makeSetup, maskedRound } from './path/maskedRound.ts';
import { Pieces } from './path/pieces.ts';
import { plainRound } from './path/plainRound.ts';
import { report } from './path/report.ts';

/**
 * How long a round takes where every node has a machine and a connection of its own, with secure aggregation and without: a hundred processes on one
 * machine wait for each other and cannot tell.
 *
 * Every piece of work is done by the product's own code and timed alone: the reducers of both sides with real keys, the journal, the model's check, the
 * masks on one core, the masked vector on disk, uploads over HTTP into spool and sum, the opening of the sum. The moments are then added up as they depend
 * on each other: nodes work side by side, each taking the median of all, the coordinator takes one message after the other, and bytes take their
 * time on a connection of 100 Mbit/s and 10 ms to each node. Nothing is trained, so that nothing hides behind training; masks are made beside the download of
 * the model. The set-up was made while the round before trained, as the product does, and stands beside.
 *
 * Without masks the round is the same otherwise: the same model, check, clipping and quantising, the same upload and fold, no set-up, no masks, no M4
 * and M5. Only here: the product has no such round.
 */
export async function criticalPath(clients: number, params: number): Promise<{ cases: BenchCase[]; told: unknown }> {
  const folder = mkdtempSync(join(tmpdir(), 'hansa-bench-path-'));
  const threads = new MaskThreads(1);
  const journal = await openJournal(join(folder, 'journal'));
  const pieces = await Pieces.prepare(clients, params, folder);
  try {
    const noise = new Int16Array(seededRandom('bench path').bytes(2 * params).buffer);
    const update = Float32Array.from(noise, (value) => value / 2 ** 25);
    const league = new ReducerLeague({
      size: clients,
      seed: 'bench path',
      config: pieces.config,
      update: () => update,
    });
    const common = await pieces.commonMs();
    process.stderr.write(`critical path: a set-up of ${clients} members is made\n`);
    const setup = await makeSetup(league);
    process.stderr.write('critical path: a round with masks\n');
    const masked = await maskedRound(league, pieces, common, { folder, threads, journal });
    process.stderr.write('critical path: the same without\n');
    const plain = await plainRound(league, masked, pieces, common, folder);
    return report(setup, masked, plain);
  } finally {
    await journal.close();
    await Promise.all([threads.close(), pieces.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
}
