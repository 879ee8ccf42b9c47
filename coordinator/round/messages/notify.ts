import { HansaError } from '@hansa/shared/errors';
import { encodeMessage } from '@hansa/shared/protocol/secagg';
import type { RoundPorts } from '../ports.ts';

/** Sends a message that nothing waits for; a node that does not take it is noted in the log. */
export function notify(
  { connections, log }: Pick<RoundPorts, 'connections' | 'log'>,
  clientId: string,
  name: string,
  body: unknown,
): void {
  connections.send(clientId, name, body).catch((error: unknown) => {
    const code = error instanceof HansaError ? error.code : 'Internal';
    log.info({ client: clientId, name, code }, 'a message was not taken');
  });
}

/** Sends a node every roster that it is in: it checks that it is in each it is shown, so its chain starts with the first that has it. */
export function sendRosters(ports: Pick<RoundPorts, 'connections' | 'log' | 'rosters'>, clientId: string): void {
  for (const roster of ports.rosters.chain) {
    if (roster.members.some(({ id }) => id === clientId)) {
      notify(ports, clientId, 'roster', encodeMessage('roster', roster));
    }
  }
}
