import { type RoundRecord, sha256HexSchema, type TaskFile, type TaskRecord } from '@hansa/shared/protocol';
import type { ApprovalRule, ConsortiumApproval } from '@hansa/shared/protocol/secagg';
import { z } from 'zod';

/** An enrolled node. */
export interface ClientRow {
  readonly id: string;
  /** Its index in every roster. */
  readonly index: number;
  /** The merchant's name: for the admin's eyes alone. */
  readonly label: string;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The consortium's, as it goes into rosters; undefined where members approve each other. */
  readonly approval: ConsortiumApproval | undefined;
  readonly enrolledAtMs: number;
  readonly lastSeenAtMs: number | undefined;
}

/** A member's approval of another node, in a federation whose members approve each other. */
export interface MemberApprovalRow {
  readonly clientId: string;
  readonly signerId: string;
  /** Labelled "approve", 64 bytes. */
  readonly signature: Uint8Array;
}

/** A roster epoch as it was signed. */
export interface RosterRow {
  readonly epoch: number;
  /** The message `roster` as JSON. */
  readonly wire: string;
}

/** A task with everything its rounds need. */
export interface TaskRow {
  readonly id: string;
  readonly name: string;
  readonly state: TaskRecord['state'];
  readonly reason: string | undefined;
  readonly file: TaskFile;
  /** JSON text of the plan; its SHA-256 stands in the set-up's configuration. */
  readonly plan: string;
  readonly committedRounds: number;
  /** The round that the next attempt is for, from 1. */
  readonly nextRound: number;
  /** Numbers of attempts given out so far; also `seq` of the last set-up. */
  readonly attempts: number;
  /** Abandoned attempts since the last committed one. */
  readonly failuresInRow: number;
  readonly modelHash: string;
  readonly initialModelHash: string;
  /** SHA-256 of what the strategy keeps beside the model `modelHash`; undefined before the first round, and where it keeps nothing. */
  readonly strategyStateHash: string | undefined;
  readonly createdAtMs: number;
}

export type TaskChange = Partial<
  Pick<
    TaskRow,
    'state' | 'reason' | 'committedRounds' | 'nextRound' | 'failuresInRow' | 'modelHash' | 'strategyStateHash'
  >
>;

/**
 * A model in `blobs/`. Tasks name it: `initialModelHash` and `baseModelHash` of their plans, `modelHash` of their rounds, and a new task may start from any.
 */
export interface ModelRow {
  readonly hash: string;
  readonly sizeBytes: number;
  readonly parameters: number;
  readonly taskId: string | undefined;
  /** 0: a start. */
  readonly round: number;
  readonly createdAtMs: number;
}

/** The groups of a draw. */
export const drawnGroupsSchema = z.strictObject({
  /** What OPEN names, hexadecimal. */
  seedHash: sha256HexSchema,
  /** Roster indexes of each group's members; the first is group 1. */
  groups: z.array(z.array(z.int().min(0)).min(1)).min(1),
});
export type DrawnGroups = z.infer<typeof drawnGroupsSchema>;

/** Proof that a member contradicted itself under its own signature. */
export interface EvidenceRow {
  /** Its hash, hexadecimal. */
  readonly id: string;
  readonly foundAtMs: number;
  readonly taskId: string;
  readonly attempt: number;
  readonly clientId: string;
  /** evidenceSchema as JSON. */
  readonly wire: string;
}

/** An attempt that was begun and has no outcome. */
export interface OpenAttempt {
  readonly taskId: string;
  readonly round: number;
  readonly attempt: number;
  readonly startedAtMs: number;
  readonly baseModelHash: string;
  readonly selected: readonly string[];
  /** Whether the survivors were announced: then nodes may have signed, and the round's number is spent. */
  readonly signing: boolean;
}

/**
 * All that a coordinator must remember over a crash, models' bytes apart.
 *
 * Every method is one transaction; when it returns, its change is on disk. Methods that write fail with StorageFull when the disk is full.
 */
export interface StateStore {
  /** The federation's id; the first caller's proposal is kept and cannot change later. */
  federation(proposal: string): Promise<string>;

  /** Who approves the federation's members; undefined until a join token was registered. */
  approvalRule(): Promise<ApprovalRule | undefined>;
  /**
   * Registers a join token; the first one's rule is kept and cannot change later.
   *
   * @throws HansaError InvalidArgument (when the federation's members are approved by somebody else, or the token was registered before)
   */
  addJoinToken(token: {
    readonly secretHash: Uint8Array;
    readonly approvals: ApprovalRule;
    /** The one-time key that approves the node which enrols with the token; undefined where members approve each other. */
    readonly tokenKey: Uint8Array | undefined;
    readonly label: string;
    readonly createdAtMs: number;
    readonly expiresAtMs: number;
  }): Promise<void>;
  /**
   * Spends a join token on a key. The same secret with the same key again gives the same answer: an answer may get lost.
   *
   * @throws HansaError TokenUnknown, TokenUsed, TokenExpired, AlreadyEnrolled, BadApproval (when the approval is of another token)
   */
  enrol(request: {
    readonly secretHash: Uint8Array;
    readonly publicKey: Uint8Array;
    readonly approval: ConsortiumApproval | undefined;
    readonly proposedId: string;
    readonly nowMs: number;
  }): Promise<ClientRow>;
  /** By index, ascending. */
  clients(): Promise<ClientRow[]>;
  client(id: string): Promise<ClientRow | undefined>;
  markSeen(id: string, atMs: number): Promise<void>;

  /** Keeps the first approval of a client by a signer. */
  addMemberApproval(row: MemberApprovalRow): Promise<void>;
  memberApprovals(): Promise<MemberApprovalRow[]>;

  /** By epoch, ascending. */
  rosters(): Promise<RosterRow[]>;
  addRoster(row: RosterRow): Promise<void>;

  /** Begins a draw of groups among the members of a roster and gives its number. */
  beginDraw(taskId: string, rosterHash: string): Promise<number>;
  /** The draw succeeded: these are the groups until the roster changes. */
  endDraw(taskId: string, seq: number, groups: DrawnGroups): Promise<void>;
  /** How many draws were begun on a roster (its hash, hexadecimal), and the groups of the one that succeeded. */
  draws(taskId: string, rosterHash: string): Promise<{ tries: number; groups: DrawnGroups | undefined }>;

  addTask(task: TaskRow): Promise<void>;
  /** Oldest first. */
  tasks(): Promise<TaskRow[]>;
  task(id: string): Promise<TaskRow | undefined>;
  changeTask(id: string, change: TaskChange): Promise<void>;

  /** Gives out the next attempt's number: `seq` of its set-ups, which are never used twice. */
  nextAttempt(taskId: string): Promise<number>;
  /** An attempt is bound to a round. */
  beginAttempt(attempt: Omit<OpenAttempt, 'signing'>): Promise<void>;
  markSigning(taskId: string, attempt: number): Promise<void>;
  /** Records that a member's vector is on disk; false when it was recorded before. */
  commitUpdate(update: {
    readonly taskId: string;
    readonly attempt: number;
    readonly clientId: string;
    readonly sizeBytes: number;
    readonly atMs: number;
  }): Promise<boolean>;
  /** Ends an attempt, stores its model where it has one, and changes its task: all or nothing. */
  endAttempt(record: RoundRecord, change: TaskChange, model?: ModelRow): Promise<void>;
  openAttempts(): Promise<OpenAttempt[]>;
  /** By attempt, ascending; ended ones only. */
  rounds(taskId: string): Promise<RoundRecord[]>;
  round(taskId: string, attempt: number): Promise<RoundRecord | undefined>;

  /** Does nothing where it is known. */
  addEvidence(row: EvidenceRow): Promise<void>;
  /** Oldest first. */
  evidence(): Promise<EvidenceRow[]>;

  /** Does nothing where the model is known. */
  addModel(model: ModelRow): Promise<void>;
  /** Oldest first. */
  models(): Promise<ModelRow[]>;
  model(hash: string): Promise<ModelRow | undefined>;

  /** @throws Error (when the store cannot be read and written) */
  assertUsable(): Promise<void>;
  /** Writes the log back into the database file and closes it. */
  close(): Promise<void>;
}
