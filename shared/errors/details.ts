import { z } from 'zod';
import type { ErrorCode } from './table.ts';

const rosterIndex = z.int().min(0).max(1_000_000);
const culprit = { culprit: rosterIndex.describe('roster index of the member whose message is at fault') };
const faults = {
  faults: z.array(z.string().max(1000)).max(1000).describe('every fault, with where it is and what to do'),
};
const child = {
  who: z.string().max(200).describe('name of the process at fault'),
  log: z.string().max(4096).describe('path of its log'),
};
const line = z.int().min(1).describe('line of the file, counted from 1');

/**
 * The fields of an error's `details`, by its code; a code that is not here has none.
 *
 * Every field may be absent, because one code is thrown in many places. None ever holds a key, a weight, an update or a row of data.
 */
const fields = {
  InvalidConfig: faults,
  InvalidTask: faults,
  InvalidArgument: faults,
  InvalidData: {
    line,
    missing: z.array(z.string().max(200)).max(100).describe('columns of the mapping that the file does not have'),
    neededPeriods: z.int().min(1).describe('periods that the data must cover at least'),
    columns: z
      .array(z.strictObject({ column: z.string().max(200), rows: z.int().min(1) }))
      .max(100)
      .describe('by column of the mapping, how many rows have a value that cannot be read'),
  },
  LedgerCorrupt: { line },
  UnsupportedProtocolVersion: {
    ours: z.int().describe('version of the side that refuses'),
    theirs: z.string().max(50).describe('version of the other side'),
  },
  InvalidMessage: { name: z.string().max(100).describe('name of the message'), ...culprit },
  RosterUnapproved: { index: rosterIndex.describe('roster index of the first member that is not approved') },
  AsymmetricEdges: culprit,
  BadSignature: culprit,
  CohortMismatch: culprit,
  ConflictingMessage: culprit,
  DrawVoid: culprit,
  InvalidKey: culprit,
  UnexpectedMessage: culprit,
  UnknownSetup: culprit,
  WrongHash: culprit,
  WrongLength: culprit,
  WrongRound: culprit,
  WrongShare: { ...culprit, dealer: rosterIndex.describe('roster index of the member that dealt the share') },
  ProcessFailed: child,
  Timeout: child,
  Internal: { peerCode: z.string().max(100).describe('code of the other side, unknown to this release') },
} as const satisfies Partial<Record<ErrorCode, z.core.$ZodShape>>;

type Fields = typeof fields;

type Values<Shape extends z.core.$ZodShape> = { readonly [Name in keyof Shape]?: z.output<Shape[Name]> };

/** The details that an error of this code may have. */
export type ErrorDetails<Code extends ErrorCode = ErrorCode> = Code extends keyof Fields
  ? Values<Fields[Code]>
  : Readonly<Record<string, never>>;

export const detailFields: Readonly<Partial<Record<ErrorCode, Readonly<Record<string, z.ZodType>>>>> = fields;

/** The details of a peer's error: a field that this code does not have, or whose value does not fit, is dropped. */
export function parseDetails<Code extends ErrorCode>(
  code: Code,
  details: Readonly<Record<string, unknown>>,
): ErrorDetails<Code> {
  const schemas: Readonly<Record<string, z.ZodType>> = detailFields[code] ?? {};
  const kept = Object.entries(schemas).flatMap(([name, schema]) => {
    const value = Object.hasOwn(details, name) ? schema.safeParse(details[name]) : undefined;
    return value?.success ? [[name, value.data] as const] : [];
  });
  return Object.fromEntries(kept) as ErrorDetails<Code>;
}
