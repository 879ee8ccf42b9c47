import type { SecretBytes, SignatureLabel } from '@hansa/shared/crypto';
import type { ErrorCode, HansaError } from '@hansa/shared/errors';
import type {
  AdvertiseKeys,
  ApprovalRule,
  Evidence,
  MaskedInputHeader,
  MessageOf,
  NodeSetupMessageName,
  Open,
  SecAggConfig,
  SetupMessageName,
  SignedStatement,
} from '@hansa/shared/protocol/secagg';
import type { RandomSource } from '@hansa/shared/random';
import type { CohortView } from '../cohortView.ts';
import type { MaskPlan } from '../masks.ts';
import type { Peer } from './peers.ts';

/** A roster that this node has accepted, and what it remembers of the first. */
export interface AcceptedRoster {
  readonly federation: string;
  readonly epoch: number;
  readonly hash: Uint8Array;
  readonly members: readonly Peer[];
  /** Indexes of the members that stand in the first roster this node was shown, with the same id and key: the known peers. */
  readonly known: readonly number[];
  /** The members of the first roster. */
  readonly first: readonly Peer[];
}

/** What a node insists on, whatever a task says. */
export interface ClientPolicy {
  readonly federation: string;
  /** The coordinator's Ed25519 key, pinned at enrolment. */
  readonly coordinatorKey: Uint8Array;
  /** Who must approve a member before this node takes it for one, pinned at enrolment; `atLeast` so many members of the epoch before. */
  readonly approvals:
    | Extract<ApprovalRule, { by: 'consortium' }>
    | (Extract<ApprovalRule, { by: 'members' }> & { readonly atLeast: number });
  /** No cohort, U2 or U3 smaller than this is joined (U2 and U3: than the task's own floor). */
  readonly minCohort: number;
  /** How many members of the first roster a cohort, U2 and U3 must hold, this node included. */
  readonly knownFloor: number;
  /** The largest share (0..1) of a roster that may differ from the one before; a single entry always may, unless this is 0. */
  readonly maxRosterChange: number;
  /** A set-up may be valid for at most this long. */
  readonly maxCohortAgeMs: number;
}

/** What must survive a crash. The driver appends it to the journal and forces it to disk before any later effect is carried out. */
export type JournalRecord =
  | { readonly type: 'roster'; readonly roster: AcceptedRoster }
  | {
      /** A set-up was joined: its `seq` and its task's configuration are used from now on. */
      readonly type: 'opened';
      readonly federation: string;
      readonly task: string;
      readonly group: number;
      readonly seq: number;
      readonly sid: Uint8Array;
      readonly configHash: Uint8Array;
      /** OPEN as it was signed: another one with the same `seq` is proof against the coordinator. */
      readonly statement: SignedStatement;
    }
  | {
      /** A draw was joined: it counts against the tries that this roster allows. */
      readonly type: 'drawJoined';
      readonly federation: string;
      readonly task: string;
      readonly seq: number;
      readonly rosterHash: Uint8Array;
      readonly configHash: Uint8Array;
      readonly statement: SignedStatement;
    }
  | {
      /** A draw succeeded: this is the node's group until the roster changes. */
      readonly type: 'grouped';
      readonly federation: string;
      readonly task: string;
      readonly grouping: Grouping;
    }
  | {
      readonly type: 'roundStarted';
      readonly federation: string;
      readonly task: string;
      readonly round: number;
      readonly sid: Uint8Array;
      readonly roundHash: Uint8Array;
    }
  | {
      /** The point of no return: this node's vector may be in the sum of (task, round). */
      readonly type: 'signed';
      readonly federation: string;
      readonly task: string;
      readonly round: number;
      readonly sid: Uint8Array;
      /** H(enc(R, U3)). */
      readonly survivorsHash: Uint8Array;
    }
  | {
      readonly type: 'answered';
      readonly sid: Uint8Array;
      /** SHA-256 of the bytes of the answer that were signed. */
      readonly answerHash: Uint8Array;
    };

/** A node's group by the last draw. */
export interface Grouping {
  readonly rosterHash: Uint8Array;
  /** What OPEN must name. */
  readonly seedHash: Uint8Array;
  /** From 1. */
  readonly group: number;
  /** Roster indexes, ascending. */
  readonly members: readonly number[];
}

/** What a node remembers over set-ups and restarts; `createMemory` builds one from journal records. */
export interface ClientMemory {
  roster(): AcceptedRoster | undefined;
  /** The OPEN with the highest `seq` ever joined. */
  lastOpen(
    federation: string,
    task: string,
    group: number,
  ): { readonly seq: number; readonly statement: SignedStatement } | undefined;
  /** The draw with the highest `seq` ever joined, and how many were joined on its roster. */
  lastDraw(
    federation: string,
    task: string,
  ):
    | {
        readonly seq: number;
        readonly rosterHash: Uint8Array;
        readonly tries: number;
        readonly statement: SignedStatement;
      }
    | undefined;
  grouping(federation: string, task: string): Grouping | undefined;
  /** The configuration that the task had when this node first joined it. */
  pinnedConfigHash(federation: string, task: string): Uint8Array | undefined;
  /** The highest round ever started. */
  lastRound(federation: string, task: string): number | undefined;
  hasSigned(federation: string, task: string, round: number): boolean;
}

/** The identity key without the key: it signs nothing but labelled messages. */
export interface IdentityPort {
  readonly publicKey: Uint8Array;
  sign(label: SignatureLabel, message: Uint8Array): Uint8Array;
}

export interface ClientPorts {
  readonly random: RandomSource;
  readonly identity: IdentityPort;
  readonly memory: ClientMemory;
  readonly policy: ClientPolicy;
  /** What a refusal for time adds about this machine's clock, beginning with a comma, or nothing. Words alone: what is refused does not depend on it. */
  readonly blameClock?: () => string;
}

/** A coordinator's message, decoded by `decodeMessage`. */
type CoordinatorEvent = {
  [Name in SetupMessageName]: {
    readonly type: 'message';
    readonly name: Name;
    readonly message: MessageOf<Name>;
    readonly nowMs: number;
  };
}[SetupMessageName];

export type ClientEvent =
  | CoordinatorEvent
  /** Training is done; `modelHash` is SHA-256 of the very bytes that were trained from. */
  | { readonly type: 'prepared'; readonly modelHash: Uint8Array; readonly nowMs: number }
  /** The masked vector is complete and on disk. From here on only these bytes may ever leave. */
  | {
      readonly type: 'maskedVector';
      readonly byteLength: number;
      readonly vectorHash: Uint8Array;
      readonly nowMs: number;
    }
  /** Every byte of the masked vector has left. Until then no U3 that counts it is signed. */
  | { readonly type: 'vectorSent' }
  /** This process cannot go on with the set-up (training failed, Ctrl-C, notAfter passed). */
  | { readonly type: 'stop'; readonly code: ErrorCode; readonly reason: string };

/** How a set-up ended for this node. */
export type ClientOutcome =
  | {
      readonly type: 'committed';
      readonly round: number;
      /** Whether this node's vector is in the sum. */
      readonly included: boolean;
      readonly survivors: number;
      readonly weightSum: number;
      readonly resultHash: Uint8Array;
      readonly newModelHash: Uint8Array;
    }
  | { readonly type: 'abandoned'; readonly code: string; readonly reason: string };

/** What the driver does, in this order, each done before the next begins. */
export type ClientEffect =
  | { readonly type: 'journal'; readonly record: JournalRecord }
  /** Keep it for good: the coordinator or a member contradicted itself under its own signature. */
  | { readonly type: 'evidence'; readonly evidence: Evidence }
  | ClientSendEffect
  | {
      /** Download the model and what SCAFFOLD has beside it, check their hashes, train; then event `prepared`. */
      readonly type: 'prepareRound';
      readonly round: number;
      readonly modelHash: Uint8Array;
      /** `noControl` where there is no control variate to download. */
      readonly controlHash: Uint8Array;
      readonly config: SecAggConfig;
    }
  | {
      /** Begin to expand the sum of all masks, beside what follows, and wipe the plan (`wipeMaskPlan`) once it is made. The sum stays in memory. */
      readonly type: 'expandMasks';
      readonly plan: MaskPlan;
      readonly config: SecAggConfig;
    }
  | {
      /** Mask the update to a file (see `maskedTiles`) with the sum of the masks, overwrite that; then event `maskedVector`. Done at most once for a set-up. */
      readonly type: 'mask';
      readonly byteLength: number;
      readonly config: SecAggConfig;
    }
  | {
      /** Send the header, then upload the vector's bytes as they were frozen; event `vectorSent` once the last of them has left. */
      readonly type: 'upload';
      readonly header: MaskedInputHeader;
    }
  /** Call `wipe()` on each. */
  | { readonly type: 'wipe'; readonly secrets: readonly SecretBytes[] }
  | { readonly type: 'closed'; readonly outcome: ClientOutcome };

export type ClientSendEffect = {
  [Name in Exclude<NodeSetupMessageName, 'maskedInputHeader'>]: {
    readonly type: 'send';
    readonly name: Name;
    readonly message: MessageOf<Name>;
  };
}[Exclude<NodeSetupMessageName, 'maskedInputHeader'>];

/** A message that was accepted. */
interface AcceptedMessage {
  readonly hash: Uint8Array;
  readonly replies: readonly ClientEffect[];
  /** What the coordinator signed, where it signed it. */
  readonly statement: SignedStatement | undefined;
}

/** The coordinator's messages that were accepted: an exact duplicate is answered again as it was, other bytes are refused. */
export type Accepted = Readonly<Partial<Record<SetupMessageName, AcceptedMessage>>>;

/** What is fixed once OPEN is accepted. */
export interface SetupFacts {
  readonly sid: Uint8Array;
  readonly open: Open;
  readonly configHash: Uint8Array;
  /** This node's index in the roster. */
  readonly index: number;
  readonly roster: AcceptedRoster;
  /** The members of this node's group; undefined where the task has one group only. */
  readonly group: ReadonlySet<number> | undefined;
}

/** c_i, s_i and b_i: in memory only. */
export interface SetupSecrets {
  readonly cipherKey: SecretBytes;
  readonly maskKey: SecretBytes;
  readonly selfSeed: SecretBytes;
}

/** The two shares of one dealer that this node keeps: of b 32 bytes, of s 32 bytes. */
export interface HeldShares {
  readonly self: SecretBytes;
  /** Absent for the node itself: it keeps no share of its own s. */
  readonly mask?: SecretBytes;
}

/** What is fixed once M3 is accepted. */
export interface RoundFacts {
  readonly round: number;
  readonly roundHash: Uint8Array;
  readonly modelHash: Uint8Array;
  /** U2 as sent, and as roster indexes. */
  readonly sharersBits: Uint8Array;
  readonly sharers: readonly number[];
}

interface Live {
  readonly setup: SetupFacts;
  readonly accepted: Accepted;
  readonly secrets: SetupSecrets;
}

interface LiveCohort extends Live {
  readonly cohort: CohortView;
  /** P_i: to whom this node dealt its shares. */
  readonly holders: ReadonlySet<number>;
}

interface LiveShares extends LiveCohort {
  /** Those who sent this node a box. */
  readonly dealers: ReadonlySet<number>;
  /** A_i with the shares themselves. */
  readonly held: ReadonlyMap<number, HeldShares>;
}

interface LiveRound extends LiveShares {
  readonly round: RoundFacts;
}

/**
 * One set-up as a node sees it. No step leads back.
 *
 * waiting → advertised → shared → acknowledged → training → masking → masked → sent → signed → answered → closed;
 * from every live phase `stop` or `abandoned` leads to closed, with all secrets wiped.
 */
export type ClientState =
  | { readonly phase: 'waiting' }
  | (Live & { readonly phase: 'advertised'; readonly advertised: AdvertiseKeys })
  | (LiveCohort & {
      readonly phase: 'shared';
      /** This node's share of its own b, where it is a holder of its own (complete graph). */
      readonly own: HeldShares | undefined;
    })
  | (LiveShares & { readonly phase: 'acknowledged' })
  | (LiveRound & { readonly phase: 'training' })
  | (LiveRound & { readonly phase: 'masking' })
  | (LiveRound & { readonly phase: 'masked' })
  | (LiveRound & { readonly phase: 'sent' })
  | (LiveRound & {
      readonly phase: 'signed';
      readonly survivors: readonly number[];
      readonly survivorsBits: Uint8Array;
    })
  | {
      readonly phase: 'answered';
      readonly setup: SetupFacts;
      readonly accepted: Accepted;
      readonly round: RoundFacts;
      readonly survivors: readonly number[];
      readonly survivorsBits: Uint8Array;
    }
  | { readonly phase: 'closed'; readonly sid: Uint8Array | undefined; readonly outcome: ClientOutcome };

/** A set-up that has begun and is not over. */
export type LiveState = Exclude<ClientState, { readonly phase: 'waiting' | 'closed' }>;

/** The state in one phase. */
export type ClientStateIn<Phase extends ClientPhase> = Extract<ClientState, { readonly phase: Phase }>;

export type ClientPhase = ClientState['phase'];

export interface ClientStep {
  readonly state: ClientState;
  readonly effects: readonly ClientEffect[];
  /** The message is refused with this, once the effects are carried out: it left evidence. The state is as it was. */
  readonly refusal?: HansaError;
}
