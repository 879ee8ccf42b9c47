import type { Clock } from '@hansa/shared/clock';
import { fingerprintOf } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import {
  type ClientRecord,
  clientRecordSchema,
  coordinatorIdentitySchema,
  newJoinToken,
  tokenRecordSchema,
  tokenRequestSchema,
} from '@hansa/shared/protocol';
import type { RandomSource } from '@hansa/shared/random';
import { z } from 'zod';
import type { AdminClient } from './adminClient.ts';
import { readApprover } from './approver.ts';
import { parseDurationMs } from './duration.ts';
import { facts, type Output, table } from './output.ts';

export interface TokenOptions {
  readonly label: string;
  readonly valid: string;
  readonly approver?: string;
  readonly byMembers?: boolean;
}

/**
 * `enrol token`: a join token for one merchant's node. It is made here; the coordinator is told no more than it needs to recognise it.
 *
 * @throws HansaError InvalidArgument (unless exactly one of approver and byMembers is given)
 * @throws as {@link readApprover}
 * @throws HansaError (what the coordinator refused with)
 */
export async function makeToken(
  options: TokenOptions,
  admin: AdminClient,
  output: Output,
  { clock, random }: { readonly clock: Clock; readonly random: RandomSource },
): Promise<void> {
  const validMs = parseDurationMs(options.valid, '--valid');
  if ((options.approver === undefined) !== (options.byMembers === true)) {
    throw new HansaError(
      'InvalidArgument',
      "Say who approves the node: --approver FILE, the consortium's offline key (hansa-coordinator approver init makes one), or --by-members where there is none.",
    );
  }
  const approver = options.approver === undefined ? undefined : readApprover(options.approver);
  try {
    const scope = await admin.call('GET', '/v1/admin/identity', coordinatorIdentitySchema);
    const expiresAtMs = clock.now() + validMs;
    const token = newJoinToken({ scope, expiresAtMs, ...(approver !== undefined && { approver }) }, random);
    const request = z.encode(tokenRequestSchema, { label: options.label, ...token.registration });
    const { label, expiresAt } = await admin.call('POST', '/v1/admin/enrolment-tokens', tokenRecordSchema, request);
    const coordinatorFingerprint = fingerprintOf(scope.coordinatorKey);
    const approverFingerprint = approver && fingerprintOf(approver.publicKey);
    output.answer(
      {
        token: token.text,
        label,
        expiresAt,
        coordinatorFingerprint,
        ...(approverFingerprint !== undefined && { approverFingerprint }),
      },
      () => [
        token.text,
        '',
        ...facts({
          for: label,
          expires: expiresAt,
          coordinator: coordinatorFingerprint,
          approver: approverFingerprint,
        }),
        '',
        'Give the first line to the merchant over a channel you trust; it works once.',
      ],
    );
  } finally {
    approver?.wipe();
  }
}

export async function listClients(admin: AdminClient, output: Output): Promise<void> {
  const clients = await admin.call('GET', '/v1/admin/clients', clientRecordSchema.array());
  output.answer(clients, () =>
    table(
      ['NODE', 'LABEL', 'ROSTER', 'CONNECTED', 'LAST SEEN', 'ENROLLED'],
      clients.map((client) => [
        client.id,
        client.label,
        rosterText(client),
        client.connected ? 'yes' : 'no',
        client.lastSeenAt ?? '-',
        client.enrolledAt,
      ]),
    ),
  );
}

function rosterText({ inRoster, approvals }: ClientRecord): string {
  if (inRoster) return 'yes';
  return approvals === 0 ? 'no' : `no, approvals: ${approvals}`;
}
