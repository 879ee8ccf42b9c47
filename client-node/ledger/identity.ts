import { existsSync, readFileSync } from 'node:fs';
import { parseOrExplain } from '@hansa/shared/config';
import { IdentityKey, SecretBytes } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { clientIdSchema, federationIdSchema, fixedBytes } from '@hansa/shared/protocol';
import { type ApprovalRule, approvalRuleSchema } from '@hansa/shared/protocol/secagg';
import { z } from 'zod';
import { writeWhole } from './files.ts';

const identityFileSchema = z.strictObject({
  formatVersion: z.literal(2, 'it is of another release; enrol this node again in an empty folder'),
  federation: federationIdSchema,
  clientId: clientIdSchema,
  /** Pinned at enrolment: everything the coordinator signs is checked against it. */
  coordinatorPublicKey: fixedBytes(32),
  /** Pinned too: who must approve the members of every roster, the first included. */
  approvals: approvalRuleSchema,
  /** Secret: the seed of this node's Ed25519 key. */
  secretKey: fixedBytes(32),
});

/** Who this node is, and to whom it is enrolled. */
export interface NodeIdentity {
  readonly federation: string;
  readonly clientId: string;
  readonly coordinatorPublicKey: Uint8Array;
  readonly approvals: ApprovalRule;
  readonly key: IdentityKey;
}

/** Whether the identity file exists. */
export function isEnrolled(path: string): boolean {
  return existsSync(path);
}

/** Writes a new identity, readable by its owner alone, whole or not at all. */
export async function writeIdentity(
  path: string,
  facts: Omit<NodeIdentity, 'key'> & { readonly seed: SecretBytes },
): Promise<void> {
  const { federation, clientId, coordinatorPublicKey, approvals, seed } = facts;
  const file = z.encode(identityFileSchema, {
    formatVersion: 2,
    federation,
    clientId,
    coordinatorPublicKey,
    approvals,
    secretKey: seed.expose(),
  });
  await writeWhole(path, `${JSON.stringify(file, null, 2)}\n`);
}

/** Reads the identity. @throws HansaError NotEnrolled (when there is none), InvalidConfig (when the file is damaged) */
export function readIdentity(path: string): NodeIdentity {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new HansaError(
        'NotEnrolled',
        `This node is not enrolled: there is no ${path}. Ask the consortium's admin for a join token, then run hansa-client enrol.`,
      );
    }
    throw new HansaError(
      'DataFolderUnusable',
      `Cannot read ${path} (${(error as Error).message}).`,
      {},
      { cause: error },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own words could quote the key.
    throw new HansaError('InvalidConfig', `${path} is not JSON. Restore it, or enrol again in an empty folder.`);
  }
  const file = parseOrExplain(identityFileSchema, value, `The identity file ${path}`);
  return {
    federation: file.federation,
    clientId: file.clientId,
    coordinatorPublicKey: file.coordinatorPublicKey,
    approvals: file.approvals,
    key: new IdentityKey(new SecretBytes(file.secretKey)),
  };
}
