import type { ClientState } from './types.ts';

/** A set-up that has not begun. */
export const waiting: ClientState = { phase: 'waiting' };
