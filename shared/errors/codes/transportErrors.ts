import type { ErrorEntry } from './errorEntry.ts';

/** Messages and bytes between a node and the coordinator. */
export const transportErrors = {
  InvalidMessage: {
    status: 400,
    exitStatus: 1,
    means: 'A message is malformed: a field is unknown, missing, out of bounds or out of order.',
    remedies: {
      'node operator': "Check that node and coordinator run the same release, and that the address is a coordinator's.",
      programmer: 'Send what the schema of that message in `shared/protocol` allows; the refusal names the fields.',
    },
  },
  UnexpectedMessage: {
    status: 409,
    exitStatus: 1,
    means: 'A message or request does not fit what the receiver is doing: it comes too early, too late or twice.',
    remedies: {
      admin: 'Look at `task list` and `round list` again: what you asked for no longer applies.',
      programmer: 'Keep to the order of messages in PROTOCOL.md; drop a message whose phase is over.',
    },
  },
  ConflictingMessage: {
    status: 409,
    exitStatus: 1,
    means: 'A different message came for a slot that is filled; the first counts. A signed pair is kept as evidence.',
    remedies: {
      'node operator': 'Run `hansa-client evidence list`, and show the admin what was kept.',
      admin: 'Run `hansa-coordinator evidence list`, and ask the operator of that node whether it runs twice.',
      programmer: 'Repeat a message byte for byte or not at all.',
    },
  },
  WrongRound: {
    status: 409,
    exitStatus: 1,
    means: 'A message is for another round than the one in progress.',
    remedies: {
      programmer: 'Drop messages of a round that is over; a round has a number and a hash, and both must match.',
    },
  },
  WrongLength: {
    status: 400,
    exitStatus: 1,
    means: "A masked vector is longer or shorter than the task's vectors or than its header says.",
    remedies: { programmer: "Send exactly the number of bytes that follows from the task's configuration." },
  },
  WrongHash: {
    status: 400,
    exitStatus: 1,
    means: 'The received bytes do not have the expected hash; none of them are kept.',
    remedies: {
      'node operator': 'Try again; if it recurs, a proxy on the way alters bytes, or the source has another file.',
      admin: 'Send the file once more.',
      programmer: 'Send the bytes that the signed header names.',
    },
  },
  DamagedUpload: {
    status: 400,
    exitStatus: 1,
    retryWhen: 'the vector is sent again from its first byte',
    means: 'All bytes of a masked vector arrived, and they are not the ones that its header names.',
    remedies: { programmer: 'Send the same vector again; the upload starts from its first byte.' },
  },
  ConnectionLost: {
    status: 503,
    exitStatus: 1,
    retryWhen: 'the connection is back',
    means: 'There is no connection to the other side, or it broke before an answer came.',
    remedies: {
      'node operator':
        "Check the coordinator's address and that this machine can reach it; a running node connects again by itself.",
      admin: 'Check that the coordinator runs and can be reached at its address.',
    },
  },
  Timeout: {
    status: 504,
    exitStatus: 1,
    retryWhen: 'the other side answers in time',
    means: 'No answer came in time, or a message came after its deadline.',
    remedies: {
      'node operator': "Check the connection, and that this machine's clock is right: `hansa-client doctor` does.",
      admin: "Give the phase more time in the task's deadlines if many nodes miss it.",
    },
  },
  Unavailable: {
    status: 503,
    exitStatus: 1,
    retryWhen: 'the other side is ready again',
    means: 'The other side is starting, stopping, or cannot work now.',
    remedies: {
      'node operator': 'Wait; a running node tries again by itself.',
      admin: '`/readyz` says what it waits for.',
    },
  },
  PayloadTooLarge: {
    status: 413,
    exitStatus: 1,
    means: 'More bytes were sent than the receiver accepts.',
    remedies: {
      'node operator':
        'Where something between refuses a body, have its limit raised (nginx: `client_max_body_size`). Else do not go on with this task: its model is larger than its plan says. Tell the admin.',
      admin: 'Check that the file is the right one; PROTOCOL.md has the limits.',
      programmer: 'Stay within the limits in PROTOCOL.md.',
    },
  },
  TooManyRequests: {
    status: 429,
    exitStatus: 1,
    retryWhen: 'some time has passed (a minute after failed attempts to prove an identity)',
    means:
      'An address has failed to prove an identity too often, or a node has sent too many messages in a short time.',
    remedies: {
      'node operator': 'Wait a minute, and correct token or identity before the next attempt.',
      programmer: 'Send fewer messages at once.',
    },
  },
} as const satisfies Record<string, ErrorEntry>;
