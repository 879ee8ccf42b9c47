import { equalBytes, verifyLabelled } from '@hansa/shared/crypto';
import {
  acknowledgeSharesBytes,
  cohortBytes,
  contradiction,
  type EncryptedShares,
  shareHash,
} from '@hansa/shared/protocol/secagg';
import { openBox } from '../boxes.ts';
import { bitsOf } from '../cohortView.ts';
import { graphOf } from '../graph.ts';
import { refuse } from '../refuse.ts';
import { close } from './close.ts';
import type { ClientPorts, ClientStateIn, ClientStep, HeldShares } from './types.ts';

/**
 * M2' → ACK: opens the boxes and says whose shares this node keeps.
 *
 * A box that does not open, or whose shares are not those committed to, only leaves its dealer out of A_j. A dealer that was shown another cohort
 * under the coordinator's signature ends the set-up: the coordinator has equivocated.
 */
export function acknowledgeShares(
  state: ClientStateIn<'shared'>,
  message: EncryptedShares,
  ports: ClientPorts,
): ClientStep {
  const { setup, cohort, secrets } = state;
  const { sid, index } = setup;
  let last = -1;
  for (const dealer of message.dealers) {
    if (dealer.index <= last || dealer.index === index || !cohort.members.has(dealer.index))
      refuse('InvalidMessage', 'The sealed shares are not sorted, or name this node or a stranger as dealer.');
    last = dealer.index;
    if (equalBytes(dealer.cohortHash, cohort.hash)) continue;
    const shown = cohortBytes(sid, dealer.cohortHash);
    if (!verifyLabelled(ports.policy.coordinatorKey, 'l1', shown, dealer.cohortSignature))
      refuse('CohortMismatch', `The shares of member ${dealer.index} name a cohort that nobody signed.`);
    const found = contradiction({
      kind: 'cohort',
      signer: ports.policy.coordinatorKey,
      first: { bytes: cohortBytes(sid, cohort.hash), signature: cohort.signature },
      second: { bytes: shown, signature: dealer.cohortSignature },
    });
    const closed = close(state, {
      type: 'abandoned',
      code: 'EquivocatedCohort',
      reason: `The coordinator signed two different cohorts for one set-up: one for this node, another for member ${dealer.index}.`,
    });
    return {
      state: closed.state,
      effects: [...(found === undefined ? [] : [{ type: 'evidence' as const, evidence: found }]), ...closed.effects],
    };
  }
  const held = new Map<number, HeldShares>();
  if (state.own !== undefined) held.set(index, state.own);
  for (const dealer of message.dealers) {
    const keys = { own: secrets.cipherKey, other: cohort.members.get(dealer.index)!.cipherKey };
    const content = openBox({ sid, cohortHash: cohort.hash, dealer: dealer.index, holder: index }, keys, dealer);
    if (content === undefined) continue;
    const asCommitted =
      isPlace(content.x, state) &&
      equalBytes(dealer.selfHash, shareHash(sid, dealer.index, index, 'self', content.self.expose())) &&
      equalBytes(dealer.maskHash, shareHash(sid, dealer.index, index, 'mask', content.mask.expose()));
    if (asCommitted) {
      held.set(dealer.index, { self: content.self, mask: content.mask });
    } else {
      content.self.wipe();
      content.mask.wipe();
    }
  }
  // A box that does not open counts as well: its dealer masks with this node all the same.
  const dealers = new Set(message.dealers.map((dealer) => dealer.index));
  const unsigned = { sid, index, cohortHash: cohort.hash, accepted: bitsOf(cohort, [...held.keys()]) };
  const reply = { ...unsigned, signature: ports.identity.sign('ack', acknowledgeSharesBytes(unsigned)) };
  return {
    state: {
      phase: 'acknowledged',
      setup,
      accepted: state.accepted,
      secrets,
      cohort,
      holders: state.holders,
      dealers,
      held,
    },
    effects: [{ type: 'send', name: 'acknowledgeShares', message: reply }],
  };
}

/** Whether x can be this holder's place among a dealer's holders; off the complete graph only the dealer and the coordinator know them all. */
function isPlace(x: number, { setup, cohort }: ClientStateIn<'shared'>): boolean {
  if (graphOf(setup.open.config) === 'complete') return x === cohort.order.indexOf(setup.index) + 1;
  return x >= 1 && x <= cohort.thresholds.holders;
}
