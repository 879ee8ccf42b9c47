import {
  type MemberApprovalAnswer,
  memberApprovalAnswerSchema,
  memberApprovalRequestSchema,
  PROTOCOL_VERSION,
} from '@hansa/shared/protocol';
import { approveMember } from '@hansa/shared/protocol/secagg';
import { z } from 'zod';
import type { NodeIdentity } from '../../ledger/identity.ts';
import { notHansa, postJson } from './postJson.ts';

/**
 * Approves a newcomer: signs its id and the fingerprint of its key, and hands that to the coordinator.
 *
 * @param fingerprint as the newcomer's own machine shows it, lower-case hexadecimal: nothing that the coordinator says of the newcomer is signed
 * @throws HansaError UnknownClient, BadApproval (when the coordinator has another key under this id), ConnectionLost, Interrupted
 * @throws HansaError (what the coordinator refused with)
 */
export async function requestApproval(
  address: string,
  identity: NodeIdentity,
  newcomer: { readonly clientId: string; readonly fingerprint: string },
  signal: AbortSignal,
): Promise<MemberApprovalAnswer> {
  const scope = { federation: identity.federation, coordinatorKey: identity.coordinatorPublicKey };
  const request = z.encode(memberApprovalRequestSchema, {
    protocolVersion: PROTOCOL_VERSION,
    clientId: newcomer.clientId,
    signerId: identity.clientId,
    signature: approveMember(identity.key, scope, newcomer.clientId, newcomer.fingerprint),
  });
  const answer = memberApprovalAnswerSchema.safeParse(
    await postJson(new URL('/v1/approvals', address), request, signal),
  );
  if (!answer.success) throw notHansa(address);
  return answer.data;
}
