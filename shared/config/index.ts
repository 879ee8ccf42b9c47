import { readFileSync, statSync } from 'node:fs';
import type { z } from 'zod';
import { HansaError } from '../errors/index.ts';
import { jsonFault, misreadPath } from './jsonFault.ts';

/** Codes of errors whose details name every fault. */
type FaultsCode = 'InvalidConfig' | 'InvalidTask' | 'InvalidArgument';

/** A configuration file is small; a larger one is the wrong file. */
const MAX_CONFIG_BYTES = 1024 * 1024;

function place(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'the top level' : path.map(String).join('.');
}

/** What a schema says of the key at a path; undefined where it says nothing. */
export function meaningOfKey(schema: z.ZodType, path: readonly PropertyKey[]): string | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return schema.description;
  const inner = withoutWrappers(schema) as {
    shape?: Record<string, z.ZodType>;
    element?: z.ZodType;
    options?: readonly z.ZodType[];
  };
  const next = inner.shape?.[String(key)] ?? (typeof key === 'number' ? inner.element : undefined);
  if (next !== undefined)
    return rest.length === 0 ? (next.description ?? withoutWrappers(next).description) : meaningOfKey(next, rest);
  for (const option of inner.options ?? []) {
    const found = meaningOfKey(option, path);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The schema inside defaults, optionals and transformations. */
function withoutWrappers(schema: z.ZodType): z.ZodType {
  const { innerType, in: input } = schema.def as { innerType?: z.ZodType; in?: z.ZodType };
  const inner = innerType ?? input;
  return inner === undefined ? schema : withoutWrappers(inner);
}

/** Every fault that zod found, one line each, with where it is, what to do and, where the schema says so, what the key is for. */
export function describeFaults(error: z.ZodError, schema?: z.ZodType): string[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => `${place([...issue.path, key])}: unknown key; remove it or correct its spelling`);
    }
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      const nested = issue.errors.flat().map((inner) => inner.message);
      return [`${place(issue.path)}: ${[...new Set(nested)].join('; or ')}`];
    }
    const meaning = schema && meaningOfKey(schema, issue.path);
    return [`${place(issue.path)}: ${issue.message}${meaning === undefined ? '' : ` (${meaning})`}`];
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
  const faults = describeFaults(parsed.error, schema);
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
    text = decoded(readFileSync(path), name, code);
  } catch (error) {
    if (error instanceof HansaError) throw error;
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? 'does not exist'
        : `cannot be read (${(error as Error).message})`;
    throw new HansaError(code, `${name} ${reason}.`, {}, { cause: error });
  }
  if (text.trim() === '') throw new HansaError(code, `${name} is empty.`);
  let value: unknown;
  let fault: ReturnType<typeof jsonFault>;
  try {
    value = JSON.parse(text);
    fault = misreadPath(text);
  } catch (error) {
    fault = jsonFault(text);
    if (fault === undefined)
      throw new HansaError(code, `${name} is not JSON: ${(error as Error).message}.`, {}, { cause: error });
  }
  if (fault !== undefined) throw new HansaError(code, `${name}, line ${fault.line}: ${fault.says}.`);
  return parseOrExplain(schema, value, name, code);
}

/** The text of a file as editors write it: UTF-8, or UTF-16 with a byte order mark, as Windows PowerShell does. */
function decoded(bytes: Buffer, name: string, code: FaultsCode): string {
  const mark = bytes.subarray(0, 2).toString('hex');
  const encoding = mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : 'utf-8';
  const refuse = (what: string) => new HansaError(code, `${name} is ${what}. Save it as UTF-8.`);
  if (encoding === 'utf-8' && bytes.includes(0)) throw refuse('no text, or in UTF-16 without a byte order mark');
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw refuse(`not in ${encoding.toUpperCase()}`);
  }
}
