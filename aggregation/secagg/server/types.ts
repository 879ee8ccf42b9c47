import type { ErrorCode, HansaError } from '@hansa/shared/errors';
import type { Stage } from '@hansa/shared/protocol';
import type {
  AcknowledgeShares,
  AdvertiseKeys,
  Cohort,
  Evidence,
  MaskedInputHeader,
  MessageOf,
  NodeSetupMessageName,
  Open,
  Quorum,
  Result,
  RevealShares,
  Roster,
  SetupMessageName,
  ShareKeys,
  SignSurvivors,
  StartRound,
  Survivors,
} from '@hansa/shared/protocol/secagg';
import type { IdentityPort } from '../client/types.ts';
import type { CohortView } from '../cohortView.ts';
import type { UnmaskPlan } from '../masks.ts';

export interface ServerPorts {
  /** Signs as the coordinator. */
  readonly identity: IdentityPort;
}

/** What a new set-up is made of. */
export interface ServerSetup {
  readonly roster: Roster;
  /** OPEN without its signature; `rosterHash` must be that of `roster`. */
  readonly open: Omit<Open, 'signature'>;
  /** Roster indexes of the nodes that are asked, at least `config.minCohort`. */
  readonly selected: readonly number[];
}

/** A stage that waits for nodes; the driver keeps its deadline. */
export type ServerStage = Stage;

type NodeEvent = {
  [Name in NodeSetupMessageName]: {
    readonly type: 'message';
    /** Roster index of the sender, as its connection proved it. */
    readonly from: number;
    readonly name: Name;
    readonly message: MessageOf<Name>;
  };
}[NodeSetupMessageName];

export type ServerEvent =
  | NodeEvent
  /** The node's process reached the coordinator again and has lost nothing: it is sent again what its stage waits for. */
  | { readonly type: 'resumed'; readonly index: number }
  /** The driver gives the node up (its process is gone or it broke the protocol): nobody waits for it any more. */
  | { readonly type: 'dropped'; readonly index: number }
  | { readonly type: 'deadline'; readonly stage: ServerStage }
  /** Binds a finished set-up to a round; only in phase `ready`. `controlHash` where members are handed a control variate. */
  | {
      readonly type: 'startRound';
      readonly round: number;
      readonly modelHash: Uint8Array;
      readonly controlHash?: Uint8Array | undefined;
    }
  /** The node's whole vector is on disk, its length and hash are those of its header. */
  | {
      readonly type: 'vectorCommitted';
      readonly index: number;
      readonly byteLength: number;
      readonly vectorHash: Uint8Array;
    }
  /** The driver laid the sum open and stored the new model. */
  | {
      readonly type: 'unmasked';
      readonly weightSum: number;
      readonly resultHash: Uint8Array;
      readonly newModelHash: Uint8Array;
    }
  /** The driver could not lay the sum open (SumOutOfRange, StorageFull), or somebody ended the task. */
  | { readonly type: 'abort'; readonly code: ErrorCode; readonly reason: string };

/** A mask that had to be rebuilt because its owner dropped out after U2. */
export interface RebuiltMask {
  readonly index: number;
  /** How many holders gave their share. */
  readonly shares: number;
  /** How many holders there are. */
  readonly holders: number;
  readonly threshold: number;
}

export type ServerSendEffect = {
  [Name in SetupMessageName]: {
    readonly type: 'send';
    /** Roster index. */
    readonly to: number;
    readonly name: Name;
    readonly message: MessageOf<Name>;
  };
}[SetupMessageName];

/** What the driver does, in this order. */
export type ServerEffect =
  | ServerSendEffect
  /** A stage begins: (re)start the one timer of this set-up; on time-out event `deadline` with this stage. */
  | { readonly type: 'setDeadline'; readonly stage: ServerStage }
  | { readonly type: 'clearDeadline' }
  /** A member is out of the set-up from this stage on. */
  | { readonly type: 'droppedOut'; readonly index: number; readonly stage: ServerStage }
  /** Keep it for good: a member contradicted itself under its own signature. */
  | { readonly type: 'evidence'; readonly evidence: Evidence }
  /** Event `startRound` is welcome now. */
  | { readonly type: 'ready'; readonly sharers: readonly number[]; readonly minSurvivors: number }
  /** Take the node's vector: exactly these bytes. */
  | {
      readonly type: 'expectVector';
      readonly index: number;
      readonly byteLength: number;
      readonly vectorHash: Uint8Array;
    }
  /** Take the masks (`expandMasks`) from the sum of the survivors' vectors (`FoldedSum`), open it (`openSum`), apply the strategy, store the model, wipe the plan; then event `unmasked`. */
  | { readonly type: 'unmask'; readonly plan: UnmaskPlan; readonly rebuilt: readonly RebuiltMask[] }
  | { readonly type: 'committed'; readonly result: Result }
  | {
      readonly type: 'abandoned';
      readonly code: ErrorCode;
      /** In plain words, with numbers. */
      readonly reason: string;
      /** True before the first M4 was sent: the same round may be tried again on the next sid. False: that round is lost. */
      readonly retryRound: boolean;
    };

/** What is fixed for a whole set-up. */
export interface ServerFacts {
  readonly sid: Uint8Array;
  readonly open: Open;
  readonly configHash: Uint8Array;
  readonly selected: readonly number[];
  /** Roster index → Ed25519 key. */
  readonly keys: ReadonlyMap<number, Uint8Array>;
}

interface Live {
  readonly setup: ServerFacts;
  /** Nodes nobody waits for any more. */
  readonly dropped: ReadonlySet<number>;
}

interface LiveCohort extends Live {
  readonly cohort: CohortView;
  readonly cohortMessage: Cohort;
  /** M2 by dealer. */
  readonly shareKeys: ReadonlyMap<number, ShareKeys>;
}

interface LiveShares extends LiveCohort {
  readonly acks: ReadonlyMap<number, AcknowledgeShares>;
}

interface LiveReady extends LiveShares {
  /** U2, ascending. */
  readonly sharers: readonly number[];
}

interface LiveRound extends LiveReady {
  readonly round: number;
  readonly roundHash: Uint8Array;
  readonly startRound: StartRound;
  readonly headers: ReadonlyMap<number, MaskedInputHeader>;
  readonly committed: ReadonlySet<number>;
}

interface LiveSurvivors extends LiveRound {
  /** U3, ascending. */
  readonly survivors: readonly number[];
  readonly survivorsMessage: Survivors;
  readonly signatures: ReadonlyMap<number, SignSurvivors>;
}

interface LiveQuorum extends LiveSurvivors {
  readonly quorum: Quorum;
  /** Those who were sent the quorum: the signers. */
  readonly holders: readonly number[];
  readonly reveals: ReadonlyMap<number, RevealShares>;
}

/**
 * One set-up and its round as the coordinator sees it.
 *
 * advertiseKeys → shareKeys → acknowledgeShares → ready → maskedInput → signSurvivors → revealShares → unmasking → committed;
 * from every phase to abandoned.
 */
export type ServerState =
  | (Live & { readonly phase: 'advertiseKeys'; readonly advertised: ReadonlyMap<number, AdvertiseKeys> })
  | (LiveCohort & { readonly phase: 'shareKeys' })
  | (LiveShares & { readonly phase: 'acknowledgeShares' })
  | (LiveReady & { readonly phase: 'ready' })
  | (LiveRound & { readonly phase: 'maskedInput' })
  | (LiveSurvivors & { readonly phase: 'signSurvivors' })
  | (LiveQuorum & { readonly phase: 'revealShares' })
  | (LiveQuorum & { readonly phase: 'unmasking' })
  | {
      readonly phase: 'committed';
      readonly setup: ServerFacts;
      readonly result: Result;
      /** U2, as roster indexes: who hears of the result. */
      readonly sharers: readonly number[];
    }
  | {
      readonly phase: 'abandoned';
      readonly setup: ServerFacts;
      readonly code: ErrorCode;
      readonly reason: string;
    };

/** The state in one phase. */
export type ServerStateIn<Phase extends ServerPhase> = Extract<ServerState, { readonly phase: Phase }>;

/** A set-up that is not over. */
export type LiveServerState = Exclude<ServerState, { readonly phase: 'committed' | 'abandoned' }>;

export type ServerPhase = ServerState['phase'];

export interface ServerStep {
  readonly state: ServerState;
  readonly effects: readonly ServerEffect[];
  /** The message is refused with this, once the effects are carried out: it left evidence. The state is as it was. */
  readonly refusal?: HansaError;
}
