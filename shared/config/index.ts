import { readFileSync, statSync } from 'node:fs';
import type { z } from 'zod';
import { HansaError } from '../errors/index.ts';

/** Codes of errors whose details name every fault. */
type FaultsCode = 'InvalidConfig' | 'InvalidTask' | 'InvalidArgument';

/** A configuration file is small; a larger one is the wrong file. */
const MAX_CONFIG_BYTES = 1024 * 1024;

function place(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'the top level' : path.map(String).join('.');
}

/** Every fault that zod found, one line each, with where it is and what to do. */
export function describeFaults(error: z.ZodError): string[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => `${place([...issue.path, key])}: unknown key; remove it or correct its spelling`);
    }
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      const nested = issue.errors.flat().map((inner) => inner.message);
      return [`${place(issue.path)}: ${[...new Set(nested)].join('; or ')}`];
    }
    return [`${place(issue.path)}: ${issue.message}`];
  });
}

/**
 * Checks a value that a person wrote against its schema.
 *
 * @throws HansaError (with `code`; the message and `details.faults` name every fault)
 */
export function parseOrExplain<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
  code: FaultsCode = 'InvalidConfig',
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = describeFaults(parsed.error);
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
  throw new HansaError(code, `${what} has ${count}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`, { faults });
}

/**
 * Reads a JSON file that a person wrote and checks it.
 *
 * @throws HansaError (with `code`, when the file is missing, is not JSON, is larger than 1 MiB, or has faults; the message names every fault)
 */
export function readJsonFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  what: string,
  code: FaultsCode = 'InvalidConfig',
): z.output<Schema> {
  const name = `${what} ${path}`;
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > MAX_CONFIG_BYTES) {
      throw new HansaError(code, `${name} has ${size} bytes; the limit is ${MAX_CONFIG_BYTES}. Is it the right file?`);
    }
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof HansaError) throw error;
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? 'does not exist'
        : `cannot be read (${(error as Error).message})`;
    throw new HansaError(code, `${name} ${reason}.`, {}, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new HansaError(code, `${name} is not JSON: ${(error as Error).message}.`, {}, { cause: error });
  }
  return parseOrExplain(schema, value, name, code);
}
