import type { ErrorCode } from '@hansa/shared/errors';
import { refuse } from '../refuse.ts';
import type { ClientPolicy, ClientStateIn, SetupFacts } from './types.ts';

/** Refuses a set of members (L1, U2, U3) that is too small or in which too few are known from the first roster. */
export function checkFloors(
  setup: SetupFacts,
  policy: ClientPolicy,
  set: {
    readonly name: string;
    readonly members: readonly number[];
    readonly atLeast: number;
    readonly code: ErrorCode;
  },
): void {
  if (set.members.length < set.atLeast)
    refuse(set.code, `${set.name} has ${set.members.length} members; this node wants at least ${set.atLeast}.`);
  const floor = Math.max(policy.knownFloor, setup.open.config.knownFloor);
  const known = new Set(setup.roster.known);
  const count = set.members.filter((member) => known.has(member)).length;
  if (count < floor)
    refuse('UnknownPeers', `${set.name} has ${count} members of the first roster; this node wants at least ${floor}.`);
}

/**
 * Refuses a U2 or U3 that leaves this node fewer than t of the holders it drew.
 *
 * Off the complete graph this is what keeps a coordinator that knows the picks from declaring all of a node's neighbours dead: t holders are more
 * than the corrupt ones, so an honest one stays. It costs nothing, since with fewer the node's secrets could not be rebuilt anyway.
 */
export function checkHolders(
  { cohort, holders }: Pick<ClientStateIn<'acknowledged'>, 'cohort' | 'holders'>,
  name: string,
  members: readonly number[],
): void {
  const { threshold } = cohort.thresholds;
  const left = members.filter((member) => holders.has(member)).length;
  if (left < threshold)
    refuse(
      'TooFewSurvivors',
      `${name} leaves this node ${left} holders of its shares; it wants at least ${threshold}.`,
    );
}
