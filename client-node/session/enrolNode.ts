import { IdentityKey, newIdentitySeed } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { parseJoinToken } from '@hansa/shared/protocol';
import type { ApprovalRule } from '@hansa/shared/protocol/secagg';
import type { RandomSource } from '@hansa/shared/random';
import type { NodeConfig } from '../config/nodeConfig.ts';
import { isEnrolled, writeIdentity } from '../ledger/identity.ts';
import { lockIdentity } from '../ledger/identityLock.ts';
import { nodeFolder, probeFolder } from '../ledger/nodeFolder.ts';
import { assertSecureAddress } from './transport/address.ts';
import { requestEnrolment } from './transport/requestEnrolment.ts';

export interface Enrolment {
  readonly federation: string;
  readonly clientId: string;
  /** SHA-256 of the coordinator's public key is what people compare; this is the key. */
  readonly coordinatorPublicKey: Uint8Array;
  /** This node's own key; likewise. */
  readonly publicKey: Uint8Array;
  readonly approvals: ApprovalRule;
  readonly identityFile: string;
}

/**
 * Makes this node's key, enrols it with a join token and writes the identity file, which pins the federation, the coordinator's key and who
 * approves members.
 *
 * The folder is proved to be writable before the token is spent. Where anything is refused, no identity is left behind.
 *
 * @throws HansaError AlreadyEnrolled, IdentityLocked, InsecureAddress, DataFolderUnusable, StorageFull
 * @throws as {@link requestEnrolment}
 */
export async function enrolNode(
  config: NodeConfig,
  tokenText: string,
  random: RandomSource,
  signal: AbortSignal,
): Promise<Enrolment> {
  const token = parseJoinToken(tokenText);
  assertSecureAddress(config.coordinator, config.allowInsecure);
  const folder = nodeFolder(config.folder);
  assertNotEnrolled(folder.identity);
  await probeFolder(folder.root);
  const lock = lockIdentity(folder.lock);
  const seed = newIdentitySeed(random);
  try {
    // Once more under the lock: another process may have enrolled in between.
    assertNotEnrolled(folder.identity);
    const key = new IdentityKey(seed);
    const { federation, clientId, coordinatorPublicKey } = await requestEnrolment(
      config.coordinator,
      token,
      key,
      signal,
    );
    const facts = { federation, clientId, coordinatorPublicKey, approvals: token.approvals };
    await writeIdentity(folder.identity, { ...facts, seed });
    return { ...facts, publicKey: key.publicKey, identityFile: folder.identity };
  } finally {
    seed.wipe();
    lock.release();
  }
}

function assertNotEnrolled(path: string): void {
  if (!isEnrolled(path)) return;
  throw new HansaError(
    'AlreadyEnrolled',
    `This node is enrolled already (${path}). To enrol it again, give it another "folder"; its old identity and ledger stay where they are.`,
  );
}
