import { z } from 'zod';
import { equalBytes, sha256 } from '../../crypto/hash.ts';
import { type SignatureLabel, verifyLabelled } from '../../crypto/signatures.ts';
import { bytesBetween } from '../bytes.ts';
import { enc, encFields } from './enc.ts';
import { bytes32Schema, rosterIndexSchema, signatureSchema } from './limits.ts';

/** A signature and what it signs: the canonical encoding (see enc.ts) of the signed fields. */
export interface SignedStatement {
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
}

/** How a field of a statement is read. */
type FieldFormat = 'text' | 'number' | 'hex';

interface Kind {
  /** What a signer of two statements for the slot has done, in words for people. */
  readonly meaning: string;
  readonly label: SignatureLabel;
  /** The statement's fields in order. */
  readonly fields: Readonly<Record<string, FieldFormat>>;
  /** The fields that name the slot: a signer may sign one statement for each. */
  readonly slot: readonly string[];
  /** Whether the signature is on the statement's hash instead of the statement. */
  readonly hashed?: true;
}

/** The statements of SA-1 of which a signer may sign only one for each slot. */
const kinds = {
  open: {
    meaning: 'opened two different set-ups under one number',
    label: 'open',
    fields: {
      kind: 'text',
      federation: 'text',
      coordinatorKey: 'hex',
      task: 'text',
      group: 'number',
      groupSeedHash: 'hex',
      seq: 'number',
      rosterHash: 'hex',
      configHash: 'hex',
      graph: 'text',
      notAfterMs: 'number',
    },
    slot: ['federation', 'task', 'group', 'seq'],
  },
  cohort: {
    meaning: 'showed two different cohorts for one set-up',
    label: 'l1',
    fields: { sid: 'hex', cohortHash: 'hex' },
    slot: ['sid'],
  },
  startRound: {
    meaning: 'bound one set-up to two rounds, models, control variates or sets of members',
    label: 'round',
    fields: {
      kind: 'text',
      sid: 'hex',
      cohortHash: 'hex',
      round: 'number',
      modelHash: 'hex',
      controlHash: 'hex',
      configHash: 'hex',
      sharers: 'hex',
    },
    slot: ['sid'],
    hashed: true,
  },
  survivors: {
    meaning: 'asked for two different sums of one round',
    label: 'u3',
    fields: { roundHash: 'hex', survivors: 'hex' },
    slot: ['roundHash'],
  },
  advertiseKeys: {
    meaning: 'advertised two sets of keys in one set-up',
    label: 'm1',
    fields: { sid: 'hex', index: 'number', cipherKey: 'hex', maskKey: 'hex', selfCommitment: 'hex' },
    slot: ['sid', 'index'],
  },
  shareKeys: {
    meaning: 'dealt two sets of shares in one set-up',
    label: 'm2',
    fields: {
      sid: 'hex',
      index: 'number',
      cohortHash: 'hex',
      cohortSignature: 'hex',
      boxes: 'hex',
      commitments: 'hex',
    },
    slot: ['sid', 'index'],
  },
  maskedInputHeader: {
    meaning: 'announced two masked vectors in one round',
    label: 'm3',
    fields: { roundHash: 'hex', index: 'number', edges: 'hex', byteLength: 'number', vectorHash: 'hex' },
    slot: ['roundHash', 'index'],
  },
  draw: {
    meaning: 'opened two different draws under one number',
    label: 'draw',
    fields: {
      kind: 'text',
      federation: 'text',
      coordinatorKey: 'hex',
      task: 'text',
      seq: 'number',
      rosterHash: 'hex',
      configHash: 'hex',
      notAfterMs: 'number',
    },
    slot: ['federation', 'task', 'seq'],
  },
  seedCommitments: {
    meaning: 'showed two different lists of commitments in one draw',
    label: 'gl',
    fields: { drawId: 'hex', listHash: 'hex' },
    slot: ['drawId'],
  },
  commitSeed: {
    meaning: 'committed to two different seeds in one draw',
    label: 'g1',
    fields: { drawId: 'hex', index: 'number', commitment: 'hex' },
    slot: ['drawId', 'index'],
  },
} as const satisfies Record<string, Kind>;

export type EvidenceKind = keyof typeof kinds;

const statementSchema = z.strictObject({ bytes: bytesBetween(4, 256 * 1024), signature: signatureSchema });

/** Proof that a signer signed two different statements for one slot. Anyone who knows the signer's key can check it. */
export const evidenceSchema = z.strictObject({
  kind: z.enum(Object.keys(kinds) as [EvidenceKind, ...EvidenceKind[]]),
  /** The Ed25519 key that signed both. */
  signer: bytes32Schema,
  /** The signer's index in the roster; absent for the coordinator. */
  member: rosterIndexSchema.optional(),
  first: statementSchema,
  second: statementSchema,
});

export type Evidence = z.output<typeof evidenceSchema>;

/** Whether the evidence is valid: both signatures are the signer's, on two different statements for one slot. */
export function isEvidence({ kind, signer, first, second }: Evidence): boolean {
  const { label, slot, hashed }: Kind = kinds[kind];
  const signed = ({ bytes, signature }: SignedStatement): boolean =>
    verifyLabelled(signer, label, hashed === true ? sha256(bytes) : bytes, signature);
  const [left, right] = [fieldsOf(kind, first.bytes), fieldsOf(kind, second.bytes)];
  return (
    left !== undefined &&
    right !== undefined &&
    slot.every((name) => equalBytes(left.get(name)!, right.get(name)!)) &&
    !equalBytes(first.bytes, second.bytes) &&
    signed(first) &&
    signed(second)
  );
}

/** A statement's fields by name; undefined where its bytes are no statement of that kind. */
function fieldsOf(kind: EvidenceKind, bytes: Uint8Array): ReadonlyMap<string, Uint8Array> | undefined {
  const names = Object.keys(kinds[kind].fields);
  const values = encFields(bytes);
  if (values?.length !== names.length) return undefined;
  return new Map(names.map((name, place) => [name, values[place]!]));
}

/** What a kind of evidence proves, in words for people: the predicate of a sentence whose subject is the signer. */
export const evidenceMeaning = (kind: EvidenceKind): string => kinds[kind].meaning;

/** A statement's fields as people read them, in order; empty where its bytes are no statement of that kind. */
export function statementText(kind: EvidenceKind, bytes: Uint8Array): Readonly<Record<string, string>> {
  const formats: Kind['fields'] = kinds[kind].fields;
  const text = (name: string, value: Uint8Array): string => {
    const buffer = Buffer.from(value);
    if (formats[name] === 'number' && buffer.length === 8) return String(buffer.readBigUInt64BE());
    return buffer.toString(formats[name] === 'text' ? 'utf8' : 'hex');
  };
  return Object.fromEntries([...(fieldsOf(kind, bytes) ?? [])].map(([name, value]) => [name, text(name, value)]));
}

/** The evidence that two statements make; undefined where they do not contradict each other or the signer did not sign both. */
export function contradiction(evidence: Evidence): Evidence | undefined {
  return isEvidence(evidence) ? evidence : undefined;
}

/** SHA-256 of the two statements in either order: the id of a piece of evidence. */
export function evidenceId({ kind, signer, first, second }: Evidence): Uint8Array {
  const statements = [first.bytes, second.bytes].sort(Buffer.compare);
  return sha256(enc('evidence', kind, signer, ...statements));
}
