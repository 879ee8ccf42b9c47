import { readFile, stat } from 'node:fs/promises';
import { HansaError } from '@hansa/shared/errors';
import { strayFile } from '@hansa/shared/files';
import { z } from 'zod';

/**
 * Reads a JSON file of a public model; undefined where there is none.
 *
 * @throws HansaError InvalidModelFile (naming the path: larger than the limit, no JSON, or not what the schema asks for)
 */
export async function readJsonFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  limitBytes: number,
): Promise<z.output<Schema> | undefined> {
  const refuse = (what: string) =>
    new HansaError('InvalidModelFile', `${path} ${what}. Take the folder as its authors published it.`);
  const unreadable = (error: NodeJS.ErrnoException) => refuse(`cannot be read (${error.code})`);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw unreadable(error);
  });
  if (found === undefined) return undefined;
  if (!found.isFile()) throw refuse('is no file');
  if (found.size > limitBytes) throw refuse(`has ${found.size} bytes, more than ${limitBytes}`);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(error);
  });
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString().replace(/^\uFEFF/, ''));
  } catch {
    const stray = strayFile(bytes);
    throw refuse(stray === undefined ? 'is not JSON' : `is not JSON: ${stray}`);
  }
  const checked = schema.safeParse(value);
  if (!checked.success) throw refuse(`is malformed: ${z.prettifyError(checked.error).slice(0, 1000)}`);
  return checked.data;
}
