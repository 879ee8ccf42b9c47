import { HansaError } from '@hansa/shared/errors';
import type { z } from 'zod';

/** A message's body as its schema has it. @throws HansaError InvalidMessage (which says where it is malformed, and nothing of its content) */
export function parseMessage<Schema extends z.ZodType>(schema: Schema, body: unknown, name: string): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const places = parsed.error.issues.slice(0, 8).map((issue) => issue.path.map(String).join('.') || 'its top level');
  throw new HansaError('InvalidMessage', `The message "${name}" is malformed at ${[...new Set(places)].join(', ')}.`);
}
