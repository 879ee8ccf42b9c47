import type { ErrorEntry } from './errorEntry.ts';

/** What a person wrote, configured or prepared. */
export const inputErrors = {
  InvalidConfig: {
    status: 400,
    exitStatus: 2,
    means: 'A configuration file or the identity file is missing, is not JSON, or has faults.',
    remedies: {
      'node operator': 'Correct every fault that the message lists; `hansa-client check-data` reads the file again.',
      admin: 'Correct every fault that the message lists and start `hansa-coordinator serve` again.',
    },
  },
  InvalidTask: {
    status: 400,
    exitStatus: 2,
    means: 'A task file has faults, or its settings do not fit its model or secure aggregation.',
    remedies: { admin: 'Change the settings that the message names, then run `hansa-coordinator task create` again.' },
  },
  InvalidArgument: {
    status: 400,
    exitStatus: 2,
    means: "An option of a command or a field of an admin's request is missing, malformed or out of place.",
    remedies: {
      'node operator': 'Correct the option that the message names; `--help` says what the command takes.',
      admin: 'Correct the option that the message names; `--help` says what the command takes.',
    },
  },
  InvalidData: {
    status: 400,
    exitStatus: 2,
    means: "A merchant's order file cannot be read as the configuration maps it, or holds too little to train on.",
    remedies: {
      'node operator':
        'Correct the file or the mapping where the message says; `hansa-client check-data` checks both and makes no connection.',
    },
  },
  InvalidModelFile: {
    status: 400,
    exitStatus: 2,
    means: 'A file of a model, an adapter or a tokenizer is damaged, or is of another kind than is needed here.',
    remedies: {
      'node operator': 'Name another file, or fetch this one again from its source.',
      admin: 'Make the model again with `hansa-client model init` or `hansa-client model import`.',
    },
  },
  NotFound: {
    status: 404,
    exitStatus: 2,
    means: 'Nothing has this name, id, path or address.',
    remedies: {
      'node operator': 'Check the name in the message, which says which command lists the existing ones.',
      admin: 'Check the name; `task list`, `round list`, `model list` and `client list` list the existing ones.',
      programmer: 'Check method and address against PROTOCOL.md.',
    },
  },
  PortInUse: {
    status: 409,
    exitStatus: 2,
    means: 'Another program listens on the port that the coordinator is to use.',
    remedies: { admin: 'Stop the other program, or choose another port with `--port`.' },
  },
  DataFolderUnusable: {
    status: 507,
    exitStatus: 2,
    means: 'A file or folder cannot be read or written, is damaged, or holds a secret that other users may read.',
    remedies: {
      'node operator': 'Do what the message says: correct owner and permissions, or name another folder.',
      admin: 'Do what the message says: correct owner and permissions, restore the file, or name another folder.',
    },
  },
  DataFolderInUse: {
    status: 409,
    exitStatus: 2,
    means: 'Another process works in the same folder.',
    remedies: {
      'node operator': 'Wait until the other process has ended, or stop it.',
      admin: 'Stop the other coordinator, or choose another folder with `--data`.',
    },
  },
  LedgerCorrupt: {
    status: 500,
    exitStatus: 2,
    means: "The node's journal or a piece of evidence was changed or damaged, so it no longer proves what was signed.",
    remedies: {
      'node operator':
        'Restore the file as this machine last wrote it; without such a copy, enrol this merchant again in an empty folder. Never edit or delete the file to go on.',
    },
  },
  NotEnrolled: {
    status: 401,
    exitStatus: 2,
    means: 'The node has no identity yet.',
    remedies: { 'node operator': "Ask the consortium's admin for a join token and run `hansa-client enrol`." },
  },
  InsecureAddress: {
    status: 400,
    exitStatus: 2,
    means:
      "The coordinator's address is neither https nor this machine, so anyone on the network could read what is sent.",
    remedies: {
      'node operator': 'Use the https address, or set `"allowInsecure": true` on a network that only you use.',
    },
  },
} as const satisfies Record<string, ErrorEntry>;
