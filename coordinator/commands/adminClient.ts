import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { request as http, type IncomingMessage } from 'node:http';
import { request as https } from 'node:https';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fromProblem, HansaError, problemSchema } from '@hansa/shared/errors';
import { z } from 'zod';
import { ADMIN_FILE } from '../auth/adminFile.ts';
import { assertOwnerOnly } from '../auth/ownerOnly.ts';

/** A coordinator that is silent for so long does not answer. */
const ANSWER_MS = 60_000;

const adminFileSchema = z.strictObject({
  address: z.url(),
  token: z.string().min(1).max(200),
  /** PEM, where the coordinator speaks https: what it must show, whatever name stands in it. */
  certificate: z.string().optional(),
});
type AdminFile = z.output<typeof adminFileSchema>;

/** A running coordinator's admin API. */
export interface AdminClient {
  /**
   * @throws HansaError ConnectionLost (when none answers)
   * @throws HansaError (what the coordinator refused with)
   */
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
 * @throws HansaError NotFound (when none serves it), DataFolderUnusable (when others may read the token)
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
  const admin = parsed.data;
  return {
    async call(method, target, schema, body) {
      const content = body === undefined ? undefined : Readable.from([JSON.stringify(body)]);
      return schema.parse(parseJson(await text(await send(admin, method, target, 'application/json', content))));
    },
    async put(target, schema, content) {
      return schema.parse(parseJson(await text(await send(admin, 'PUT', target, 'application/octet-stream', content))));
    },
    content: (target) => send(admin, 'GET', target),
  };
}

/**
 * Sends one request and gives the answer's body.
 *
 * @throws HansaError ConnectionLost (when none answers)
 * @throws HansaError (what the coordinator refused with)
 */
async function send(
  admin: AdminFile,
  method: string,
  target: string,
  type?: string,
  content?: Readable,
): Promise<Readable> {
  const { address, token, certificate } = admin;
  const url = new URL(target, address);
  const headers = { authorization: `Bearer ${token}`, ...(content !== undefined && { 'content-type': type }) };
  // The address is this machine's, the certificate's name the world's: it is known by its bytes.
  const pinned = { ca: certificate, allowPartialTrustChain: true, checkServerIdentity: () => undefined };
  const request =
    url.protocol === 'https:' ? https(url, { method, headers, ...pinned }) : http(url, { method, headers });
  request.setTimeout(ANSWER_MS, () => request.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)));
  let response: IncomingMessage;
  try {
    const answered = once(request, 'response');
    if (content === undefined) request.end();
    // A refusal may come before the last byte has gone; what then breaks off says nothing more.
    else void pipeline(content, request).catch(() => undefined);
    [response] = (await answered) as [IncomingMessage];
    request.on('error', () => undefined);
  } catch (error) {
    request.destroy();
    throw new HansaError(
      'ConnectionLost',
      `No coordinator answers at ${address}, where ${ADMIN_FILE} says it listens (${(error as Error).message}). Is it still running?`,
      {},
      { cause: error },
    );
  }
  const { statusCode = 0 } = response;
  if (statusCode >= 200 && statusCode < 300) return response;
  const problem = problemSchema.safeParse(parseJson(await text(response)));
  // The rest of a body that was refused would keep the command waiting.
  request.destroy();
  if (problem.success) throw fromProblem(problem.data);
  throw new HansaError('Internal', `${address} answered with status ${statusCode} and no problem document.`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
