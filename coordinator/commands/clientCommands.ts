import { clientRecordSchema, tokenAnswerSchema } from '@hansa/shared/protocol';
import type { AdminClient } from './adminClient.ts';
import { parseDurationMs } from './duration.ts';
import { facts, type Output, table } from './output.ts';

/** `enrol token`: a join token for one merchant's node. */
export async function makeToken(
  options: { readonly label: string; readonly valid: string },
  admin: AdminClient,
  output: Output,
): Promise<void> {
  const validMs = parseDurationMs(options.valid, '--valid');
  const answer = await admin.call('POST', '/v1/admin/enrolment-tokens', tokenAnswerSchema, {
    label: options.label,
    validMs,
  });
  output.answer(answer, () => [
    answer.token,
    '',
    ...facts({ for: answer.label, expires: answer.expiresAt, coordinator: answer.coordinatorFingerprint }),
    '',
    'Give the first line to the merchant over a channel you trust; it works once.',
  ]);
}

export async function listClients(admin: AdminClient, output: Output): Promise<void> {
  const clients = await admin.call('GET', '/v1/admin/clients', clientRecordSchema.array());
  output.answer(clients, () =>
    table(
      ['NODE', 'LABEL', 'CONNECTED', 'LAST SEEN', 'ENROLLED'],
      clients.map((client) => [
        client.id,
        client.label,
        client.connected ? 'yes' : 'no',
        client.lastSeenAt ?? '-',
        client.enrolledAt,
      ]),
    ),
  );
}
