import { readFileSync, statSync } from 'node:fs';
import { IdentityKey, newIdentitySeed, SecretBytes } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { writeFileWhole } from '@hansa/shared/files';
import type { RandomSource } from '@hansa/shared/random';
import type { DataFolder } from '../storage/dataFolder.ts';
import { assertOwnerOnly } from './ownerOnly.ts';

/**
 * The coordinator's identity, kept in `identity.key` (32 raw bytes, readable by its owner alone); made on first use.
 *
 * @throws HansaError DataFolderUnusable (when the file is readable by others or is no key)
 */
export async function loadIdentity(folder: DataFolder, random: RandomSource): Promise<IdentityKey> {
  const file = folder.file('identity.key');
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) {
    const seed = newIdentitySeed(random);
    await writeFileWhole(file, [seed.expose()], 0o600);
    return new IdentityKey(seed);
  }
  assertOwnerOnly(file, found.mode);
  const bytes = new Uint8Array(readFileSync(file));
  if (bytes.length !== 32) {
    throw new HansaError('DataFolderUnusable', `${file} is not an identity key. Restore it from a backup.`);
  }
  return new IdentityKey(new SecretBytes(bytes));
}
