import { existsSync, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { fingerprintOf, IdentityKey, newIdentitySeed, SecretBytes } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { fixedBytes } from '@hansa/shared/protocol';
import type { RandomSource } from '@hansa/shared/random';
import { z } from 'zod';
import { assertOwnerOnly } from '../auth/ownerOnly.ts';
import { facts, type Output } from './output.ts';

const approverFileSchema = z.strictObject({
  hansa: z.literal('approver'),
  formatVersion: z.literal(1),
  /** Secret: the seed of the approver's Ed25519 key. */
  secretKey: fixedBytes(32),
});

/**
 * `approver init`: makes the consortium's offline key. It connects to nobody, and the coordinator never sees the file.
 *
 * @throws HansaError InvalidArgument (when the file exists or would lie beside the coordinator's own key), DataFolderUnusable (when it cannot be
 *   written)
 */
export async function initApprover(file: string, random: RandomSource, output: Output): Promise<void> {
  const target = path.resolve(file);
  if (existsSync(path.join(path.dirname(target), 'identity.key'))) {
    throw new HansaError(
      'InvalidArgument',
      `${path.dirname(target)} is a coordinator's data folder. The approver's key protects the members from the coordinator: keep it on the admin's own machine, where no coordinator runs.`,
    );
  }
  const seed = newIdentitySeed(random);
  try {
    const content = z.encode(approverFileSchema, { hansa: 'approver', formatVersion: 1, secretKey: seed.expose() });
    await writeNew(target, `${JSON.stringify(content)}\n`);
    const fingerprint = fingerprintOf(new IdentityKey(seed).publicKey);
    output.answer({ file: target, fingerprint }, () => [
      "The consortium's approver key is made.",
      ...facts({ file: target, fingerprint }),
      '',
      'Whoever has this file decides who may join. Keep it off the coordinator, with a copy somewhere safe: it cannot be exchanged later.',
      'Next: hansa-coordinator enrol token --approver FILE --label NAME',
    ]);
  } finally {
    seed.wipe();
  }
}

/** Reads the approver's key. @throws HansaError InvalidArgument (when there is none), DataFolderUnusable (when others may read it) */
export function readApprover(file: string): IdentityKey {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new HansaError(
      'InvalidArgument',
      `There is no ${file}. Make the consortium's approver key with: hansa-coordinator approver init --out ${file}`,
    );
  }
  assertOwnerOnly(file, found.mode);
  let parsed: z.ZodSafeParseResult<z.output<typeof approverFileSchema>> | undefined;
  try {
    parsed = approverFileSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // The parser's own words could quote the key.
  }
  if (parsed?.success !== true)
    throw new HansaError('InvalidArgument', `${file} holds no approver's key. Restore it from its copy.`);
  return new IdentityKey(new SecretBytes(parsed.data.secretKey));
}

/** Writes a file that must not exist yet, readable by its owner alone. */
async function writeNew(file: string, content: string): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new HansaError('InvalidArgument', `${file} exists already, and nothing is written over a key.`);
    throw new HansaError('DataFolderUnusable', `${file} cannot be written: ${message}.`, {}, { cause: error });
  }
}
