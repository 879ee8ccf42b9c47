import type { AdminStatus, RoundRecord } from '@hansa/shared/protocol';
import type { NameOf } from '../collect.ts';
import type { MerchantFolder } from '../league/orders.ts';
import type { ScreenState } from './state.ts';

/** Shows the merchants whose orders were written. */
export function showMerchants(state: ScreenState, merchants: readonly MerchantFolder[]): void {
  state.merchants.splice(
    0,
    state.merchants.length,
    ...merchants.map(({ id, rows }) => ({
      id,
      rows,
      activity: { kind: 'starting' as const },
      bytesSent: 0,
      bytesSendingNow: 0,
    })),
  );
}

/** Shows what one merchant's process is doing. */
export function setActivity(
  state: ScreenState,
  id: string,
  activity: ScreenState['merchants'][number]['activity'],
): void {
  const merchant = state.merchants.find((each) => each.id === id);
  if (merchant !== undefined) merchant.activity = activity;
}

/** Adds what each member sent in a round that has ended. */
export function addBytes(state: ScreenState, { bytesUpByClient }: RoundRecord, nameOf: NameOf): void {
  for (const [client, bytes] of Object.entries(bytesUpByClient)) {
    const merchant = state.merchants.find(({ id }) => id === nameOf(client));
    if (merchant === undefined) continue;
    merchant.bytesSent += bytes;
    merchant.bytesSendingNow = 0;
  }
}

/** Shows where the round in progress and each of its members is. */
export function showStatus(state: ScreenState, { running, clients }: AdminStatus, nameOf: NameOf): void {
  state.running = running;
  const connected = new Set(clients.filter((client) => client.connected).map(({ id }) => nameOf(id)));
  for (const merchant of state.merchants) {
    const member = running?.members.find(({ client }) => nameOf(client) === merchant.id);
    merchant.bytesSendingNow = member?.bytesUp ?? 0;
    const { kind } = merchant.activity;
    // A killed node's last word to the coordinator is not what it is doing now.
    if (kind === 'killed' || (kind === 'restarting' && !connected.has(merchant.id))) continue;
    if (member !== undefined && member.stage !== 'dropped') {
      merchant.activity = { kind: 'member', stage: member.stage, done: member.done, total: member.total };
    } else if (connected.has(merchant.id)) merchant.activity = { kind: 'ready' };
  }
}
