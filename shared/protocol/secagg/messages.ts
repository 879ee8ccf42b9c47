import { z } from 'zod';
import { sha256 } from '../../crypto/hash.ts';
import { HansaError } from '../../errors/index.ts';
import { abandonedSchema } from './abandoned.ts';
import { acknowledgeSharesSchema } from './acknowledgeShares.ts';
import { advertiseKeysSchema } from './advertiseKeys.ts';
import { cohortSchema } from './cohort.ts';
import { commitSeedSchema, drawSchema, revealSeedSchema, seedCommitmentsSchema, seedRevealsSchema } from './draw.ts';
import { encryptedSharesSchema } from './encryptedShares.ts';
import { maskedInputHeaderSchema } from './maskedInputHeader.ts';
import { openSchema } from './open.ts';
import { quorumSchema } from './quorum.ts';
import { resultSchema } from './result.ts';
import { revealSharesSchema } from './revealShares.ts';
import { rosterSchema } from './roster.ts';
import { shareKeysSchema } from './shareKeys.ts';
import { signSurvivorsSchema } from './signSurvivors.ts';
import { startRoundSchema } from './startRound.ts';
import { survivorsSchema } from './survivors.ts';

/** What the coordinator sends: Socket.IO event name → schema. */
export const coordinatorMessages = {
  roster: rosterSchema,
  draw: drawSchema,
  seedCommitments: seedCommitmentsSchema,
  seedReveals: seedRevealsSchema,
  open: openSchema,
  cohort: cohortSchema,
  encryptedShares: encryptedSharesSchema,
  startRound: startRoundSchema,
  survivors: survivorsSchema,
  quorum: quorumSchema,
  result: resultSchema,
  abandoned: abandonedSchema,
} as const;

/** What a node sends: Socket.IO event name → schema. */
export const nodeMessages = {
  commitSeed: commitSeedSchema,
  revealSeed: revealSeedSchema,
  advertiseKeys: advertiseKeysSchema,
  shareKeys: shareKeysSchema,
  acknowledgeShares: acknowledgeSharesSchema,
  maskedInputHeader: maskedInputHeaderSchema,
  signSurvivors: signSurvivorsSchema,
  revealShares: revealSharesSchema,
} as const;

const schemas = { ...coordinatorMessages, ...nodeMessages };

export type CoordinatorMessageName = keyof typeof coordinatorMessages;
/** The messages of a draw of groups; all others but `roster` belong to a set-up. */
export type DrawMessageName = 'draw' | 'seedCommitments' | 'seedReveals';
export type NodeDrawMessageName = 'commitSeed' | 'revealSeed';
/** What the coordinator sends within a set-up, OPEN included. */
export type SetupMessageName = Exclude<CoordinatorMessageName, 'roster' | DrawMessageName>;
/** What a node sends within a set-up. */
export type NodeSetupMessageName = Exclude<NodeMessageName, NodeDrawMessageName>;
export type NodeMessageName = keyof typeof nodeMessages;
export type MessageName = keyof typeof schemas;
/** A message in memory: its byte fields are Uint8Array. */
export type MessageOf<Name extends MessageName> = z.output<(typeof schemas)[Name]>;
/** A message as JSON: its byte fields are base64url. */
export type WireOf<Name extends MessageName> = z.input<(typeof schemas)[Name]>;

/** Decodes a message from its JSON value. @throws HansaError InvalidMessage (naming the fields that are wrong, never their values) */
export function decodeMessage<Name extends MessageName>(name: Name, wire: unknown): MessageOf<Name> {
  const schema: z.ZodType = schemas[name];
  const parsed = schema.safeParse(wire);
  if (parsed.success) return parsed.data as MessageOf<Name>;
  const faults = parsed.error.issues
    .slice(0, 8)
    .map((issue) => `${issue.path.map(String).join('.') || 'message'}: ${describeIssue(issue)}`);
  throw new HansaError('InvalidMessage', `The message "${name}" is malformed: ${faults.join('; ')}.`, { name });
}

const describeIssue = (issue: z.core.$ZodIssue): string =>
  issue.code === 'unrecognized_keys' ? `${issue.keys.length} unknown field(s)` : issue.code.replaceAll('_', ' ');

/** The JSON value of a message that this process built; a ZodError here is a programmer's mistake. */
export function encodeMessage<Name extends MessageName>(name: Name, message: MessageOf<Name>): WireOf<Name> {
  const schema: z.ZodType = schemas[name];
  return z.encode(schema, message) as WireOf<Name>;
}

/** SHA-256 of a message's canonical JSON, to tell an exact duplicate from another message of the same stage. */
export function messageHash<Name extends MessageName>(name: Name, message: MessageOf<Name>): Uint8Array {
  return sha256(Buffer.from(`${name}\0${JSON.stringify(encodeMessage(name, message))}`, 'utf8'));
}
