/** What an error code means to whoever receives it: its HTTP status, whether the same call may succeed later, and a command's exit status. */
export interface ErrorEntry {
  readonly status: number;
  readonly retry: boolean;
  readonly exitStatus: 1 | 2;
}

const badInput = (status: number): ErrorEntry => ({ status, retry: false, exitStatus: 2 });
const failed = (status: number, retry = false): ErrorEntry => ({ status, retry, exitStatus: 1 });

/** The one table of error codes. A code is part of the protocol: it may be added, never renamed. */
export const errorTable = {
  // What a person wrote or configured.
  InvalidConfig: badInput(400),
  InvalidTask: badInput(400),
  InvalidArgument: badInput(400),
  InvalidData: badInput(400),
  InvalidModelFile: badInput(400),
  NotFound: badInput(404),
  PortInUse: badInput(409),
  DataFolderUnusable: badInput(507),
  DataFolderInUse: badInput(409),
  LedgerCorrupt: badInput(500),
  NotEnrolled: badInput(401),
  InsecureAddress: badInput(400),

  // Who is talking.
  TokenUnknown: badInput(401),
  TokenUsed: badInput(409),
  TokenExpired: badInput(410),
  BadApproval: badInput(401),
  UnknownClient: badInput(401),
  AlreadyEnrolled: badInput(409),
  Unauthorized: badInput(401),
  WrongCoordinatorKey: badInput(401),
  BadSignature: failed(401),
  ReplayedRequest: failed(401),
  UnsupportedProtocolVersion: badInput(426),
  IdentityLocked: badInput(409),

  // What crosses the wire.
  InvalidMessage: failed(400),
  UnexpectedMessage: failed(409),
  ConflictingMessage: failed(409),
  WrongRound: failed(409),
  WrongLength: failed(400),
  WrongHash: failed(400),
  DamagedUpload: failed(400, true),
  ConnectionLost: failed(503, true),
  Timeout: failed(504, true),
  Unavailable: failed(503, true),
  PayloadTooLarge: failed(413),
  TooManyRequests: failed(429, true),

  // Secure aggregation: refusals of a client.
  UnknownSetup: failed(409),
  SetupSpent: failed(409),
  SequenceReplayed: failed(409),
  RosterMismatch: failed(409),
  RosterChangeTooLarge: failed(409),
  RosterUnapproved: failed(409),
  PolicyRefused: failed(409),
  EquivocatedCohort: failed(409),
  CohortMismatch: failed(409),
  TooManyDraws: failed(409),
  DrawVoid: failed(409, true),
  UnknownPeers: failed(409),
  InvalidKey: failed(400),
  ModelMismatch: failed(409),
  U2NotSubset: failed(409),
  U3NotSubset: failed(409),
  RoundAlreadySigned: failed(409),
  NoQuorum: failed(409),
  ResultMismatch: failed(409),

  // Secure aggregation: reasons a round is abandoned.
  CohortTooSmall: failed(409, true),
  TooFewSurvivors: failed(409, true),
  TooFewShares: failed(409, true),
  WrongShare: failed(400),
  WrongDealer: failed(409, true),
  AsymmetricEdges: failed(409, true),
  SumOutOfRange: failed(409, true),
  TaskAborted: failed(409),
  CoordinatorRestarted: failed(503, true),

  // The machine.
  StorageFull: { ...badInput(507), retry: true },
  EngineUnusable: failed(500),
  TrainingFailed: failed(500),
  ProcessFailed: failed(500),
  Interrupted: failed(500),
  Internal: failed(500),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;
