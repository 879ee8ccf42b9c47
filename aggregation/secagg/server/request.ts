import { sharesFor } from './shareKeys.ts';
import type { LiveServerState, ServerEffect } from './types.ts';
import { waitingFor } from './waiting.ts';

/** What the current stage asked of one member, again, as long as it has not answered: for a member that reconnects or repeats itself. */
export function request(state: LiveServerState, to: number): readonly ServerEffect[] {
  const waiting = waitingFor(state);
  if (waiting === undefined || !waiting.asked.includes(to) || waiting.answered(to) || state.dropped.has(to)) return [];
  switch (state.phase) {
    case 'advertiseKeys':
      return [{ type: 'send', to, name: 'open', message: state.setup.open }];
    case 'shareKeys':
      return [{ type: 'send', to, name: 'cohort', message: state.cohortMessage }];
    case 'acknowledgeShares':
      return [{ type: 'send', to, name: 'encryptedShares', message: sharesFor(state, to) }];
    case 'maskedInput':
      return [{ type: 'send', to, name: 'startRound', message: state.startRound }];
    case 'signSurvivors':
      return [{ type: 'send', to, name: 'survivors', message: state.survivorsMessage }];
    case 'revealShares':
      return [{ type: 'send', to, name: 'quorum', message: state.quorum }];
    case 'ready':
    case 'unmasking':
      return [];
  }
}
