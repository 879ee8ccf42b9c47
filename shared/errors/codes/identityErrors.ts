import type { ErrorEntry } from './errorEntry.ts';

/** Identity, and what it allows. */
export const identityErrors = {
  TokenUnknown: {
    status: 401,
    exitStatus: 2,
    means: 'The join token is damaged, of an older release, or was never registered with this coordinator.',
    remedies: {
      'node operator': "Copy the token again in full, or ask the consortium's admin for a new one.",
      admin: 'Make a new token with `hansa-coordinator enrol token`.',
    },
  },
  TokenUsed: {
    status: 409,
    exitStatus: 2,
    means: 'Another node has enrolled with this join token.',
    remedies: {
      'node operator':
        "Ask the consortium's admin for a token of your own, and tell them if nobody else should have had this one.",
      admin: 'Make a new token with `hansa-coordinator enrol token`; `client list` shows who has used this one.',
    },
  },
  TokenExpired: {
    status: 410,
    exitStatus: 2,
    means: 'The join token has expired.',
    remedies: {
      'node operator': "Ask the consortium's admin for a new one.",
      admin: 'Make a new token with `hansa-coordinator enrol token`.',
    },
  },
  BadApproval: {
    status: 401,
    exitStatus: 2,
    means:
      "An approval is not by this federation's approver, was not made with its join token, or is for another key than the enrolled one.",
    remedies: {
      'node operator':
        "Compare the fingerprint with the newcomer's operator once more; if it is right, the coordinator shows you another key: stop and tell the other members.",
      admin: "Make the token with the approver's key of this federation.",
    },
  },
  UnknownClient: {
    status: 401,
    exitStatus: 2,
    means: 'No node with this id is enrolled here, or it is in no roster yet.',
    remedies: {
      'node operator':
        "Check the coordinator's address in the config; enrol with a new join token if the league was started again.",
      admin: '`hansa-coordinator client list` shows who is enrolled.',
    },
  },
  AlreadyEnrolled: {
    status: 409,
    exitStatus: 2,
    means: 'The node has an identity already.',
    remedies: {
      'node operator': 'Run the node as it is; to enrol it again, give it another `folder` in the config.',
    },
  },
  Unauthorized: {
    status: 401,
    exitStatus: 2,
    means: "A request has no valid admin's token, or belongs to no open session of a node.",
    remedies: {
      admin: 'Run the command with the `--data` of the coordinator that runs now: its token is new at every start.',
      programmer: 'Finish the handshake first, then sign the request with that session.',
    },
  },
  WrongCoordinatorKey: {
    status: 401,
    exitStatus: 2,
    means: 'The server that answers does not hold the key that the node pinned when it enrolled.',
    remedies: {
      'node operator':
        "Check the coordinator's address with the consortium's admin over another channel; do not enrol again before you know why the key differs.",
      admin: 'Restore `identity.key` from the backup: nodes trust no other key.',
    },
  },
  BadSignature: {
    status: 401,
    exitStatus: 1,
    means: 'A message or request is not signed by the key it must be signed by.',
    remedies: {
      'node operator': "Tell the consortium's admin: a proxy on the way, or the other side itself, alters messages.",
      programmer: 'Sign exactly the bytes that PROTOCOL.md names, with the label of that message.',
    },
  },
  ReplayedRequest: {
    status: 401,
    exitStatus: 1,
    means: "A signed request's counter has been used before in its session.",
    remedies: { programmer: 'Sign each request, repeated ones too, with the next counter.' },
  },
  UnsupportedProtocolVersion: {
    status: 426,
    exitStatus: 2,
    means: 'Node and coordinator use different versions of the protocol.',
    remedies: {
      'node operator': 'Update the side that the message names, so that both run the same release.',
      admin: 'Update the side that the message names, so that both run the same release.',
    },
  },
  IdentityLocked: {
    status: 409,
    exitStatus: 2,
    means: "Another process uses this node's identity, or has connected with it since.",
    remedies: { 'node operator': 'Stop one of the two, or give this one its own folder and enrolment.' },
  },
} as const satisfies Record<string, ErrorEntry>;
