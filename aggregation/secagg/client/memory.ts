import type { AcceptedRoster, ClientMemory, JournalRecord } from './types.ts';

/** A memory that grows with the journal. */
export interface JournalledMemory extends ClientMemory {
  /** Takes in one record; the driver calls it once the record is on disk, and for every record at start. */
  apply(record: JournalRecord): void;
}

/** A memory that knows nothing yet; feed it the journal's records in order. */
export function createMemory(): JournalledMemory {
  let roster: AcceptedRoster | undefined;
  const seqs = new Map<string, number>();
  const configs = new Map<string, Uint8Array>();
  const rounds = new Map<string, number>();
  const signed = new Set<string>();
  const key = (...parts: readonly (string | number)[]): string => parts.join('/');
  return {
    roster: () => roster,
    lastSeq: (federation, task, group) => seqs.get(key(federation, task, group)),
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
          seqs.set(group, Math.max(record.seq, seqs.get(group) ?? 0));
          if (!configs.has(task)) configs.set(task, record.configHash);
          return;
        }
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
