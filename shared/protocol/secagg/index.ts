export { type Abandoned, abandonedSchema } from './abandoned.ts';
export { type AcknowledgeShares, acknowledgeSharesBytes, acknowledgeSharesSchema } from './acknowledgeShares.ts';
export { type AdvertiseKeys, advertiseKeysBytes, advertiseKeysSchema, selfCommitment } from './advertiseKeys.ts';
export {
  type Approval,
  type ApprovalRule,
  type ApprovalScope,
  approvalRuleSchema,
  approveMember,
  type ConsortiumApproval,
  certifyToken,
  consortiumApprovalSchema,
  isApprovedByConsortium,
  isApprovedByMember,
  signAsApproved,
  usualMemberApprovals,
} from './approval.ts';
export { bitmapOf, positionsOf } from './bitmap.ts';
export { type Cohort, type CohortMember, cohortBytes, cohortHash, cohortSchema } from './cohort.ts';
export {
  configHash,
  type SecAggConfig,
  secAggConfigSchema,
  type TailWord,
  tailWordSchema,
  type UpdatePart,
} from './config.ts';
export {
  type CommitSeed,
  commitSeedBytes,
  type Draw,
  drawBytes,
  drawId,
  groupSeedHash,
  type RevealSeed,
  revealSeedBytes,
  type SeedCommitments,
  type SeedReveals,
  seedCommitment,
  seedCommitmentsBytes,
  seedListHash,
} from './draw.ts';
export { type EncField, enc, hashOf } from './enc.ts';
export { type EncryptedShares, encryptedSharesSchema } from './encryptedShares.ts';
export {
  contradiction,
  type Evidence,
  type EvidenceKind,
  evidenceId,
  evidenceMeaning,
  evidenceSchema,
  isEvidence,
  type SignedStatement,
  statementText,
} from './evidence.ts';
export {
  leastSparseCorruptPermille,
  maxCohortSize,
  maxCompleteCohort,
  maxHolders,
  maxMemberApprovals,
  maxRosterSize,
  maxVectorLength,
} from './limits.ts';
export { type MaskedInputHeader, maskedInputHeaderBytes, maskedInputHeaderSchema } from './maskedInputHeader.ts';
export {
  type CoordinatorMessageName,
  coordinatorMessages,
  type DrawMessageName,
  decodeMessage,
  encodeMessage,
  type MessageName,
  type MessageOf,
  messageHash,
  type NodeDrawMessageName,
  type NodeMessageName,
  type NodeSetupMessageName,
  nodeMessages,
  type SetupMessageName,
  type WireOf,
} from './messages.ts';
export { type Open, openBytes, openSchema, setupId } from './open.ts';
export { type Quorum, quorumSchema } from './quorum.ts';
export { type Result, resultBytes, resultSchema } from './result.ts';
export { type RevealShares, revealSharesBytes, revealSharesSchema } from './revealShares.ts';
export {
  type Roster,
  type RosterMember,
  rosterBytes,
  rosterChangeLimit,
  rosterHash,
  rosterSchema,
  usualRosterChange,
} from './roster.ts';
export { type ShareKeys, type ShareKind, shareHash, shareKeysBytes, shareKeysSchema } from './shareKeys.ts';
export { type SignSurvivors, signSurvivorsSchema } from './signSurvivors.ts';
export {
  noControl,
  type RoundBinding,
  roundBytes,
  roundHash,
  type StartRound,
  startRoundSchema,
} from './startRound.ts';
export { type Survivors, survivorsBytes, survivorsSchema } from './survivors.ts';
