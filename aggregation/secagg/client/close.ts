import type { SecretBytes } from '@hansa/shared/crypto';
import type { ClientEffect, ClientOutcome, ClientState, ClientStep, HeldShares } from './types.ts';

/** Every secret that a state holds. */
export function secretsOf(state: ClientState): readonly SecretBytes[] {
  const secrets: SecretBytes[] = [];
  if ('secrets' in state) secrets.push(state.secrets.cipherKey, state.secrets.maskKey, state.secrets.selfSeed);
  const held: HeldShares[] = [];
  if ('own' in state && state.own !== undefined) held.push(state.own);
  if ('held' in state) held.push(...state.held.values());
  for (const shares of held) {
    secrets.push(shares.self);
    if (shares.mask !== undefined) secrets.push(shares.mask);
  }
  return secrets;
}

/** Ends a set-up from any phase: its secrets are wiped first. */
export function close(state: ClientState, outcome: ClientOutcome): ClientStep {
  const sid = 'setup' in state ? state.setup.sid : undefined;
  const secrets = secretsOf(state);
  const wipe: readonly ClientEffect[] = secrets.length > 0 ? [{ type: 'wipe', secrets }] : [];
  return { state: { phase: 'closed', sid, outcome }, effects: [...wipe, { type: 'closed', outcome }] };
}
