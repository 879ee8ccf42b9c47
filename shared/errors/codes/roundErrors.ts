import type { ErrorEntry } from './errorEntry.ts';

/** Secure aggregation: why a set-up or round is abandoned, or a member's contribution is refused. The coordinator starts the next attempt by itself. */
export const roundErrors = {
  CohortTooSmall: {
    status: 409,
    exitStatus: 1,
    retryWhen: 'enough nodes are connected',
    means: 'There are fewer members than the task or a node asks for.',
    remedies: {
      'node operator': 'Lower `policy.minCohort` only if fewer members are enough to hide your update.',
      admin: 'Wait for more nodes; `hansa-coordinator client list` shows who is connected.',
    },
  },
  TooFewSurvivors: {
    status: 409,
    exitStatus: 1,
    retryWhen: 'fewer members drop out of the next attempt',
    means: 'So many members dropped out that the masks of the rest could not be removed safely.',
    remedies: {
      admin: 'Give slow nodes more time, or make a task with more members: small cohorts survive few drop-outs.',
    },
  },
  TooFewShares: {
    status: 409,
    exitStatus: 1,
    retryWhen: 'fewer members drop out of the next attempt',
    means: 'Too few members revealed their shares to rebuild a mask. Nothing was unmasked.',
    remedies: { admin: 'Find out which nodes leave before a round has ended: `round list` shows who dropped out.' },
  },
  WrongShare: {
    status: 400,
    exitStatus: 1,
    means: 'A member revealed a share that differs from the one it was dealt, or shares that it was not asked for.',
    remedies: {
      programmer: 'Reveal one share for each dealer, of b for a survivor and of s for the others, as it was dealt.',
    },
  },
  WrongDealer: {
    status: 409,
    exitStatus: 1,
    retryWhen: 'that member no longer takes part',
    means: 'The shares that a member dealt do not rebuild what it committed to. Nothing was unmasked.',
    remedies: { admin: 'Ask the operator of the member that the message names what software it runs.' },
  },
  AsymmetricEdges: {
    status: 409,
    exitStatus: 1,
    means: 'A member masked with other members than those it shares a key with. Its vector is refused.',
    remedies: { programmer: 'Mask with the members of U2 that you drew and with those whose boxes you received.' },
  },
  SumOutOfRange: {
    status: 409,
    exitStatus: 1,
    retryWhen: 'the member that caused it no longer takes part',
    means:
      'The unmasked sum cannot be one of clipped updates, or the new model would not be finite. The model stays as it was.',
    remedies: {
      admin:
        'Lower the learning rate if training diverges. Otherwise a member sends wrong numbers, and the masks hide which one: ask the members what they changed.',
    },
  },
  TaskAborted: {
    status: 409,
    exitStatus: 1,
    means: 'The task has ended or was stopped.',
    remedies: { admin: 'Make a new task if training is to go on.' },
  },
  CoordinatorRestarted: {
    status: 503,
    exitStatus: 1,
    retryWhen: 'the coordinator runs again',
    means: 'The coordinator was stopped or restarted, or abandoned a set-up for a newer one.',
    remedies: { admin: 'Do nothing: the task goes on with its next round by itself.' },
  },
} as const satisfies Record<string, ErrorEntry>;
