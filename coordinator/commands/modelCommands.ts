import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HansaError } from '@hansa/shared/errors';
import { modelRecordSchema } from '@hansa/shared/protocol';
import type { AdminClient } from './adminClient.ts';
import { byteText, type Output, table } from './output.ts';

export async function listModels(admin: AdminClient, output: Output): Promise<void> {
  const models = await admin.call('GET', '/v1/admin/models', modelRecordSchema.array());
  output.answer(models, () =>
    table(
      ['MODEL', 'ROUND', 'PARAMETERS', 'SIZE', 'CREATED'],
      models.map((model) => [model.hash, model.round, model.parameters, byteText(model.sizeBytes), model.createdAt]),
    ),
  );
}

/** `model export HASH --out FILE`: the file appears whole, with its hash checked, or not at all. */
export async function exportModel(hash: string, file: string, admin: AdminClient, output: Output): Promise<void> {
  const target = path.resolve(file);
  const temporary = `${target}.${randomUUID()}.tmp`;
  const content = await admin.content(`/v1/admin/models/${encodeURIComponent(hash)}/content`);
  const digest = createHash('sha256');
  let sizeBytes = 0;
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, onSignal);
  content.on('data', (chunk: Uint8Array) => {
    digest.update(chunk);
    sizeBytes += chunk.length;
  });
  try {
    await pipeline(content, createWriteStream(temporary, { flags: 'wx' }), { signal: interrupt.signal });
    const sha256 = digest.digest('hex');
    if (sha256 !== hash) throw new HansaError('WrongHash', `The bytes received hash to ${sha256}, not to ${hash}.`);
    await sync(temporary);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    if (interrupt.signal.aborted)
      throw new HansaError('Interrupted', 'The export was interrupted; nothing was written.');
    if (error instanceof HansaError) throw error;
    throw new HansaError(
      'InvalidArgument',
      `Cannot write ${target}: ${(error as Error).message}.`,
      {},
      { cause: error },
    );
  } finally {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal);
  }
  output.answer({ hash, file: target, sizeBytes }, () => [`${target} (${byteText(sizeBytes)})`]);
}

async function sync(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
