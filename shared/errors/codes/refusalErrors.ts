import type { ErrorEntry } from './errorEntry.ts';

const askWhy = "Ask the coordinator's operator why; the node's log says what was asked of it.";
const notAgain = 'Do not ask a node twice: begin a new set-up.';

/** Secure aggregation: what a node refuses, or the coordinator in a draw of groups. A refusal changes no state and reveals nothing. */
export const refusalErrors = {
  UnknownSetup: {
    status: 409,
    exitStatus: 1,
    means:
      'A message belongs to a set-up or draw that the receiver does not hold: it has ended, or its process was restarted.',
    remedies: { programmer: 'Drop the set-up and wait for the next one.' },
  },
  SetupSpent: {
    status: 409,
    exitStatus: 1,
    means: 'A set-up that has begun its round was asked to begin another.',
    remedies: { 'node operator': askWhy, programmer: notAgain },
  },
  SequenceReplayed: {
    status: 409,
    exitStatus: 1,
    means: 'A set-up or draw has a number that the node has already joined or passed.',
    remedies: {
      'node operator': askWhy,
      admin: 'Do not run the coordinator from an old copy of its data folder: nodes remember later numbers.',
      programmer: 'Count set-ups and draws upwards, and never reuse a number.',
    },
  },
  RosterMismatch: {
    status: 409,
    exitStatus: 1,
    means: 'A roster does not follow from the one that the node has pinned, is of another federation, or is malformed.',
    remedies: {
      'node operator': "Compare the fingerprint that `hansa-client roster` shows with other members' before you go on.",
      admin:
        'Do not run the coordinator from an old copy of its data folder: its roster is older than the one nodes have pinned.',
    },
  },
  RosterChangeTooLarge: {
    status: 409,
    exitStatus: 1,
    means: 'One epoch of the roster adds, removes or alters more members than the node allows.',
    remedies: {
      'node operator': 'Ask why so many members change at once; raise `policy.maxRosterChange` if you accept it.',
      admin: 'Let members join over several epochs.',
    },
  },
  RosterUnapproved: {
    status: 409,
    exitStatus: 1,
    means:
      "The roster lists a member that neither the consortium's approver nor the members approved as this node's rule asks.",
    remedies: {
      'node operator':
        'Take part in nothing until the admin has explained who the member is: the coordinator may be adding false members.',
      admin: "Enrol members with tokens that carry the approver's approval, or have members approve them.",
    },
  },
  PolicyRefused: {
    status: 409,
    exitStatus: 1,
    means: "A task or set-up asks for what the node's policy or data does not allow, or does not match its plan.",
    remedies: {
      'node operator':
        'If you want to take part, change what the message names in the config: a limit under `policy`, or an entry under `data`.',
      admin: 'Change the task, or agree on the limit with the members.',
    },
  },
  EquivocatedCohort: {
    status: 409,
    exitStatus: 1,
    means: 'The coordinator signed two different cohorts for one set-up. The proof is kept.',
    remedies: {
      'node operator': 'Stop taking part and show the proof to the other members: `hansa-client evidence list`.',
      admin: 'Check that the coordinator does not run twice from one `identity.key`.',
    },
  },
  CohortMismatch: {
    status: 409,
    exitStatus: 1,
    means:
      'A list of members is unsorted, names unknown members, lacks the node itself, or is not the list that was agreed on.',
    remedies: {
      'node operator': askWhy,
      programmer: 'Name members sorted by index, each once, and sign one list for all.',
    },
  },
  TooManyDraws: {
    status: 409,
    exitStatus: 1,
    means: 'The groups of this roster are drawn already, or too many draws were begun and none was finished.',
    remedies: {
      'node operator': "Tell the consortium's admin: a coordinator could choose the groups by repeating draws.",
      admin: 'Find out which nodes leave during draws; a new roster, with the next member that joins, allows new ones.',
    },
  },
  DrawVoid: {
    status: 409,
    exitStatus: 1,
    retryWhen: 'the coordinator begins another draw',
    means: 'A member withheld or changed its part of the seed from which groups are drawn.',
    remedies: { admin: 'Wait for the next draw; if one member causes several void draws, ask its operator.' },
  },
  UnknownPeers: {
    status: 409,
    exitStatus: 1,
    means: 'Too few members of a cohort are known to the node from the first roster it saw.',
    remedies: {
      'node operator': 'Lower `policy.knownFloor` if you trust the members that have joined since.',
      admin: 'Wait until more of the early members are connected.',
    },
  },
  InvalidKey: {
    status: 400,
    exitStatus: 1,
    means: "A public key has low order, is not in canonical encoding, or is also another member's.",
    remedies: {
      'node operator': askWhy,
      programmer: 'Draw fresh X25519 keys from a good random source for every set-up.',
    },
  },
  ModelMismatch: {
    status: 409,
    exitStatus: 1,
    means: 'The model of a round is not the one that its set-up or signature names.',
    remedies: { 'node operator': askWhy, admin: "Check that the task's models were not replaced in the data folder." },
  },
  U2NotSubset: {
    status: 409,
    exitStatus: 1,
    means: 'The members that begin the round are not all of the cohort, or the node is not among them.',
    remedies: { 'node operator': askWhy, programmer: 'Take U2 from the members of L1 that acknowledged their shares.' },
  },
  U3NotSubset: {
    status: 409,
    exitStatus: 1,
    means: 'The survivors are not all of the members that began the round, or the node is not among them.',
    remedies: { 'node operator': askWhy, programmer: 'Take U3 from the members of U2 whose vectors are complete.' },
  },
  RoundAlreadySigned: {
    status: 409,
    exitStatus: 1,
    means: "The node's update is in a sum of this round already; a second sum would reveal it.",
    remedies: {
      'node operator': askWhy,
      programmer: 'Use a new number for a round once a member may have signed for its sum.',
    },
  },
  NoQuorum: {
    status: 409,
    exitStatus: 1,
    means: 'Too few distinct members have signed the list of survivors that the node is asked to open.',
    remedies: { 'node operator': askWhy, programmer: 'Collect the quorum of signatures on the same U3 first.' },
  },
  ResultMismatch: {
    status: 409,
    exitStatus: 1,
    means: 'The announced result is not of the survivors that the node signed, or has a weight that they cannot have.',
    remedies: { 'node operator': askWhy, programmer: 'Announce the result of exactly the U3 that the quorum signed.' },
  },
} as const satisfies Record<string, ErrorEntry>;
