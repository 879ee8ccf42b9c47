import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { fromProblem, HansaError, problemSchema } from '@hansa/shared/errors';
import { z } from 'zod';
import { ADMIN_FILE } from '../auth/adminFile.ts';
import { assertOwnerOnly } from '../auth/ownerOnly.ts';

const adminFileSchema = z.strictObject({ address: z.url(), token: z.string().min(1).max(200) });

/** A running coordinator's admin API. */
export interface AdminClient {
  /** @throws HansaError what the coordinator refused with; ConnectionLost where none answers */
  call<Schema extends z.ZodType>(
    method: string,
    path: string,
    schema: Schema,
    body?: unknown,
  ): Promise<z.output<Schema>>;
  /** PUTs bytes of any length. */
  put<Schema extends z.ZodType>(path: string, schema: Schema, content: Readable): Promise<z.output<Schema>>;
  /** GETs bytes of any length. */
  content(path: string): Promise<Readable>;
}

/**
 * Finds the coordinator that serves a data folder, by the `admin.json` it keeps there.
 *
 * @throws HansaError NotFound where none serves it; DataFolderUnusable where others may read the token
 */
export function connectAdmin(dataFolder: string): AdminClient {
  const file = path.resolve(dataFolder, ADMIN_FILE);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new HansaError(
      'NotFound',
      `No coordinator is serving ${path.resolve(dataFolder)}: there is no ${ADMIN_FILE}. Start one with: hansa-coordinator serve --data ${dataFolder}`,
    );
  }
  assertOwnerOnly(file, found.mode);
  const parsed = adminFileSchema.safeParse(parseJson(readFileSync(file, 'utf8')));
  if (!parsed.success) {
    throw new HansaError('DataFolderUnusable', `${file} is damaged. Start the coordinator again; it writes a new one.`);
  }
  const { address, token } = parsed.data;
  const send = (method: string, target: string, init: RequestInit) => request(address, token, method, target, init);
  return {
    async call(method, target, schema, body) {
      const json = body === undefined ? {} : { body: JSON.stringify(body) };
      const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
      return schema.parse(await (await send(method, target, { ...json, headers })).json());
    },
    async put(target, schema, content) {
      const init = { body: Readable.toWeb(content), duplex: 'half' } as unknown as RequestInit;
      const headers = { 'content-type': 'application/octet-stream' };
      return schema.parse(await (await send('PUT', target, { ...init, headers })).json());
    },
    async content(target) {
      const { body } = await send('GET', target, {});
      return body === null ? Readable.from([]) : Readable.fromWeb(body as never);
    },
  };
}

async function request(
  address: string,
  token: string,
  method: string,
  target: string,
  init: RequestInit,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(new URL(target, address), {
      ...init,
      method,
      headers: { ...init.headers, authorization: `Bearer ${token}` },
    });
  } catch (error) {
    throw new HansaError(
      'ConnectionLost',
      `No coordinator answers at ${address}, where ${ADMIN_FILE} says it listens. Is it still running?`,
      {},
      { cause: error },
    );
  }
  if (response.ok) return response;
  const problem = problemSchema.safeParse(parseJson(await response.text()));
  if (problem.success) throw fromProblem(problem.data);
  throw new HansaError('Internal', `${address} answered with status ${response.status} and no problem document.`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
