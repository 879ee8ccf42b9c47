import type { ErrorEntry } from './errorEntry.ts';

/** The machine, its engines and processes. */
export const machineErrors = {
  StorageFull: {
    status: 507,
    exitStatus: 2,
    retryWhen: 'there is free space again',
    means: 'The disk is full. Nothing was written, not even in part.',
    remedies: {
      'node operator': "Free some space on the disk of the node's folder.",
      admin: 'Free some space on the disk of the data folder.',
    },
  },
  StrategyStateLost: {
    status: 500,
    exitStatus: 1,
    means:
      "What a task's strategy keeps from round to round (in `states/` of the coordinator's data folder) is missing or damaged. The task has failed; its models still exist.",
    remedies: {
      admin:
        'Start a new task from the newest model: its strategy starts without state. When you restore a backup, restore `hansa.db`, `blobs/` and `states/` together.',
    },
  },
  EngineUnusable: {
    status: 500,
    exitStatus: 1,
    means: 'A training engine is not installed, does not start, computes wrongly or has no memory left.',
    remedies: {
      'node operator': 'Set `training.engine` to `auto`; `hansa-client doctor` says why each engine does not work.',
    },
  },
  TrainingFailed: {
    status: 500,
    exitStatus: 1,
    means:
      'Training has no data, has diverged, does not fit into memory, or its process ended repeatedly. Nothing was sent.',
    remedies: {
      'node operator':
        'Do what the message says: set `training.maxMemoryBytes`, name another engine, or map more data.',
      admin: "Lower the plan's learning rate if training diverges on several nodes.",
    },
  },
  ProcessFailed: {
    status: 500,
    exitStatus: 1,
    means: 'A process or thread that was started for a piece of work ended early.',
    remedies: {
      'node operator': 'Read the reason in the message; if memory is short, set `training.maxMemoryBytes`.',
      admin: 'Read the reason in the log; if memory is short, give the coordinator more.',
    },
  },
  Interrupted: {
    status: 500,
    exitStatus: 1,
    means: 'A person or the system stopped the command. Nothing is left half-done.',
    remedies: { 'node operator': 'Run the command again.', admin: 'Run the command again.' },
  },
  Internal: {
    status: 500,
    exitStatus: 1,
    means: 'A fault in Hansa itself, or a code that this release does not know.',
    remedies: {
      'node operator': "Report it with the log's lines around it; update if the other side runs a newer release.",
      admin: "Report it with the log's lines around it; update if the other side runs a newer release.",
    },
  },
} as const satisfies Record<string, ErrorEntry>;
