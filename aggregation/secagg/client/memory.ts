import { equalBytes } from '@hansa/shared/crypto';
import type { SignedStatement } from '@hansa/shared/protocol/secagg';
import type { AcceptedRoster, ClientMemory, Grouping, JournalRecord } from './types.ts';

/** A memory that grows with the journal. */
export interface JournalledMemory extends ClientMemory {
  /** Takes in one record; the driver calls it once the record is on disk, and for every record at start. */
  apply(record: JournalRecord): void;
}

/** A memory that knows nothing yet; feed it the journal's records in order. */
export function createMemory(): JournalledMemory {
  let roster: AcceptedRoster | undefined;
  const opens = new Map<string, { readonly seq: number; readonly statement: SignedStatement }>();
  const draws = new Map<string, NonNullable<ReturnType<ClientMemory['lastDraw']>>>();
  const groupings = new Map<string, Grouping>();
  const configs = new Map<string, Uint8Array>();
  const rounds = new Map<string, number>();
  const signed = new Set<string>();
  const key = (...parts: readonly (string | number)[]): string => parts.join('/');
  return {
    roster: () => roster,
    lastOpen: (federation, task, group) => opens.get(key(federation, task, group)),
    lastDraw: (federation, task) => draws.get(key(federation, task)),
    grouping: (federation, task) => groupings.get(key(federation, task)),
    pinnedConfigHash: (federation, task) => configs.get(key(federation, task)),
    lastRound: (federation, task) => rounds.get(key(federation, task)),
    hasSigned: (federation, task, round) => signed.has(key(federation, task, round)),
    apply(record) {
      switch (record.type) {
        case 'roster':
          roster = record.roster;
          return;
        case 'opened': {
          const task = key(record.federation, record.task);
          const group = key(task, record.group);
          if (record.seq > (opens.get(group)?.seq ?? -1)) opens.set(group, record);
          if (!configs.has(task)) configs.set(task, record.configHash);
          return;
        }
        case 'drawJoined': {
          const task = key(record.federation, record.task);
          const last = draws.get(task);
          const again = last !== undefined && equalBytes(last.rosterHash, record.rosterHash);
          draws.set(task, { ...record, tries: again ? last.tries + 1 : 1 });
          if (!configs.has(task)) configs.set(task, record.configHash);
          return;
        }
        case 'grouped':
          groupings.set(key(record.federation, record.task), record.grouping);
          return;
        case 'roundStarted': {
          const task = key(record.federation, record.task);
          rounds.set(task, Math.max(record.round, rounds.get(task) ?? 0));
          return;
        }
        case 'signed':
          signed.add(key(record.federation, record.task, record.round));
          return;
        case 'answered':
          return;
      }
    },
  };
}
