import { randomInt } from 'node:crypto';
import type { Roster } from '@hansa/shared/protocol/secagg';
import type { DrawnGroups } from '../../storage/stateStore.ts';
import type { CohortChoice } from '../attempt/attemptSpec.ts';

/** One cohort of all who can take part, or of a random choice where they are more than `maximum`: whoever is left out this time may be in the next. */
export function oneCohort(able: readonly string[], maximum: number): CohortChoice {
  const selected = [...able];
  while (selected.length > maximum) selected.splice(randomInt(selected.length), 1);
  return { group: 0, groupSeedHash: new Uint8Array(32), selected };
}

/** A cohort for each drawn group, of those of its members that can take part; groups that fall below `minimum` are left out. */
export function groupCohorts(
  { groups, seedHash }: DrawnGroups,
  roster: Roster,
  able: readonly string[],
  minimum: number,
): CohortChoice[] {
  const ids = new Map(roster.members.map(({ id, index }) => [index, id]));
  const groupSeedHash = new Uint8Array(Buffer.from(seedHash, 'hex'));
  return groups
    .map((indexes, place) => ({
      group: place + 1,
      groupSeedHash,
      selected: indexes.flatMap((index) => ids.get(index) ?? []).filter((id) => able.includes(id)),
    }))
    .filter(({ selected }) => selected.length >= minimum);
}
