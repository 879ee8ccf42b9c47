import type { JournalRecord } from '@hansa/aggregation/secagg/client';
import {
  bytesBetween,
  clientIdSchema,
  federationIdSchema,
  fixedBytes,
  roundNumberSchema,
  taskIdSchema,
} from '@hansa/shared/protocol';
import { z } from 'zod';

const hash = fixedBytes(32);
const statement = z.strictObject({ bytes: bytesBetween(4, 4096), signature: fixedBytes(64) });
const member = z.strictObject({ index: z.int().min(0), id: clientIdSchema, publicKey: fixedBytes(32) });

/** A journal record as JSON: what the reducer remembers over restarts. */
const recordSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('roster'),
    roster: z.strictObject({
      federation: federationIdSchema,
      epoch: z.int().min(0),
      hash,
      members: z.array(member),
      known: z.array(z.int().min(0)),
      first: z.array(member),
    }),
  }),
  z.strictObject({
    type: z.literal('opened'),
    federation: federationIdSchema,
    task: taskIdSchema,
    group: z.int().min(0),
    seq: z.int().min(0),
    sid: hash,
    configHash: hash,
    statement,
  }),
  z.strictObject({
    type: z.literal('drawJoined'),
    federation: federationIdSchema,
    task: taskIdSchema,
    seq: z.int().min(0),
    rosterHash: hash,
    configHash: hash,
    statement,
  }),
  z.strictObject({
    type: z.literal('grouped'),
    federation: federationIdSchema,
    task: taskIdSchema,
    grouping: z.strictObject({
      rosterHash: hash,
      seedHash: hash,
      group: z.int().min(1),
      members: z.array(z.int().min(0)).min(1),
    }),
  }),
  z.strictObject({
    type: z.literal('roundStarted'),
    federation: federationIdSchema,
    task: taskIdSchema,
    round: roundNumberSchema,
    sid: hash,
    roundHash: hash,
  }),
  z.strictObject({
    type: z.literal('signed'),
    federation: federationIdSchema,
    task: taskIdSchema,
    round: roundNumberSchema,
    sid: hash,
    survivorsHash: hash,
  }),
  z.strictObject({ type: z.literal('answered'), sid: hash, answerHash: hash }),
]);

/** The record as one JSON text without line breaks. */
export function encodeRecord(record: JournalRecord): string {
  return JSON.stringify(z.encode(recordSchema, record as z.output<typeof recordSchema>));
}

/** The record that a JSON text holds; undefined where it holds none. */
export function decodeRecord(text: string): JournalRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = recordSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
