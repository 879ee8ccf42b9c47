import { HansaError } from '@hansa/shared/errors';
import { clientIdSchema, sha256HexSchema } from '@hansa/shared/protocol';
import { readNodeConfig } from '../config/nodeConfig.ts';
import { readIdentity } from '../ledger/identity.ts';
import { nodeFolder } from '../ledger/nodeFolder.ts';
import { assertSecureAddress } from '../session/transport/address.ts';
import { requestApproval } from '../session/transport/requestApproval.ts';
import type { CommandContext } from './context.ts';

/** `approve`: this member approves a newcomer's key, in a federation without a consortium's approver. The node may run at the same time. */
export async function approve(
  clientId: string,
  options: { config: string; fingerprint: string },
  context: CommandContext,
): Promise<number> {
  const { output, signal } = context;
  const fingerprint = options.fingerprint.replace(/[\s:]/g, '').toLowerCase();
  if (!clientIdSchema.safeParse(clientId).success || !sha256HexSchema.safeParse(fingerprint).success) {
    throw new HansaError(
      'InvalidArgument',
      "Give the newcomer's id and, with --fingerprint, the 64 hexadecimal digits of its key, both as the newcomer's `hansa-client roster` or `enrol` shows them.",
    );
  }
  const config = readNodeConfig(options.config);
  assertSecureAddress(config.coordinator, config.allowInsecure);
  const identity = readIdentity(nodeFolder(config.folder).identity);
  try {
    if (identity.approvals.by === 'consortium') {
      throw new HansaError(
        'InvalidArgument',
        "In this federation only the consortium's approver approves nodes, with the join token.",
      );
    }
    const { given, needed } = await requestApproval(config.coordinator, identity, { clientId, fingerprint }, signal);
    output.line(
      given < needed
        ? `Approved ${clientId}: ${given} of ${needed} approvals; it waits for ${needed - given} more.`
        : `Approved ${clientId}: ${given} of ${needed} approvals; the next roster may list it.`,
    );
    output.document({ clientId, given, needed });
    return 0;
  } finally {
    identity.key.wipe();
  }
}
