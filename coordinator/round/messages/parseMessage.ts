import { HansaError } from '@hansa/shared/errors';
import type { z } from 'zod';

/** Checks what a node sent; the refusal names the places that are wrong, never what stood there. @throws HansaError InvalidMessage */
export function parseMessage<Schema extends z.ZodType>(schema: Schema, value: unknown, name: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.slice(0, 8).map((issue) => {
    const place = issue.path.map(String).join('.') || 'message';
    return issue.code === 'unrecognized_keys'
      ? `${place}: ${issue.keys.length} unknown field(s)`
      : `${place}: ${issue.code.replaceAll('_', ' ')}`;
  });
  throw new HansaError('InvalidMessage', `The message "${name}" is malformed: ${faults.join('; ')}.`, { name });
}
