import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { IdentityKey, SecretBytes } from '@hansa/shared/crypto';
import { createLogger } from '@hansa/shared/log';
import { httpSignatureHeaders } from '@hansa/shared/protocol';
import { enc } from '@hansa/shared/protocol/secagg';
import { ManualClock } from '@hansa/shared/testing';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BearerToken } from '../../auth/bearerToken.ts';
import { FailureLimit } from '../../auth/failureLimit.ts';
import { NodeSessions } from '../../auth/nodeSessions.ts';
import { createMetrics } from '../../metrics/createMetrics.ts';
import { ByteLedger } from '../../round/byteLedger.ts';
import { createApp } from '../createApp.ts';
import { Uploads } from './uploads.ts';

const federation = 'league';
const sessionId = new Uint8Array(32).fill(7);
const content = new Uint8Array(randomBytes(200_000));
const vectorHash = new Uint8Array(createHash('sha256').update(content).digest());

let folder: string;
let app: FastifyInstance;
let uploads: Uploads;
let bytes: ByteLedger;
let counter: number;
const keys = { owner: keyOf(1), other: keyOf(2) };

function keyOf(byte: number): IdentityKey {
  return new IdentityKey(new SecretBytes(new Uint8Array(32).fill(byte)));
}

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'hansa-uploads-'));
  counter = 0;
  const metrics = createMetrics('test');
  const sessions = new NodeSessions(federation);
  sessions.open('owner', keys.owner.publicKey, sessionId);
  sessions.open('other', keys.other.publicKey, new Uint8Array(32).fill(8));
  bytes = new ByteLedger(metrics);
  const auth = { sessions, admin: new BearerToken('x'), failures: new FailureLimit(new ManualClock()), metrics };
  uploads = await Uploads.open(path.join(folder, 'spool'), { ...auth, bytes });
  app = createApp({ log: createLogger('test', 'silent'), metrics });
  uploads.routes(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

interface VectorChange {
  readonly finished?: () => Promise<void>;
  readonly failed?: (error: Error) => void;
  readonly deleting?: (file: string) => Promise<void>;
}

function vector(change: VectorChange = {}) {
  const finished = vi.fn(change.finished ?? (async () => undefined));
  const failed = vi.fn(change.failed ?? (() => undefined));
  let begin: () => void = () => undefined;
  /** Resolves with the first chunk. */
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const received = vi.fn((_byteOffset: number, chunk: Uint8Array): Uint8Array => {
    begin();
    // The chunk's own memory is given back when this returns.
    return Uint8Array.from(chunk);
  });
  const deleting = vi.fn(change.deleting ?? (async (_file: string) => undefined));
  return { clientId: 'owner', sizeBytes: content.length, vectorHash, received, begun, deleting, finished, failed };
}

const expectSame = (left: Uint8Array, right: Uint8Array): void => expect(Buffer.compare(left, right)).toBe(0);

/** What was received, which must have come in order, each byte once. */
function piecesOf({ received }: ReturnType<typeof vector>): Uint8Array {
  let reached = 0;
  const chunks = received.mock.results.map(({ value }) => value as Uint8Array);
  for (const [at, [byteOffset]] of received.mock.calls.entries()) {
    expect(byteOffset).toBe(reached);
    reached += chunks[at]!.length;
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function signature(method: string, target: string, who: 'owner' | 'other'): Record<string, string> {
  counter += 1;
  const session = who === 'owner' ? sessionId : new Uint8Array(32).fill(8);
  const signed = enc(federation, session, String(counter), method, target);
  return {
    [httpSignatureHeaders.sessionId]: Buffer.from(session).toString('base64url'),
    [httpSignatureHeaders.counter]: String(counter),
    [httpSignatureHeaders.signature]: Buffer.from(keys[who].sign('http', signed)).toString('base64url'),
  };
}

interface Sent {
  readonly who?: 'owner' | 'other';
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array | ReadableStream;
}

function send(method: string, target: string, { who = 'owner', headers = {}, body }: Sent = {}): Promise<Response> {
  const { port } = app.server.address() as { port: number };
  return fetch(`http://127.0.0.1:${port}${target}`, {
    method,
    headers: { 'tus-resumable': '1.0.0', ...signature(method, target, who), ...headers },
    ...(body !== undefined && { body: body instanceof Uint8Array ? Buffer.from(body) : body, duplex: 'half' }),
  } as RequestInit);
}

const patch = (target: string, offset: number, body: Uint8Array | ReadableStream, headers = {}) =>
  send('PATCH', target, {
    body,
    headers: { 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream', ...headers },
  });

const offsetOf = async (target: string) => Number((await send('HEAD', target)).headers.get('upload-offset'));

describe('an upload', () => {
  it('arrives in pieces, is checked and committed once', async () => {
    const wanted = vector();
    const upload = await uploads.expect(wanted);
    const mark = bytes.mark();
    expect((await patch(upload.path, 0, content.subarray(0, 1000))).status).toBe(204);
    expect(await offsetOf(upload.path)).toBe(1000);
    expect(wanted.finished).not.toHaveBeenCalled();
    const last = await patch(upload.path, 1000, content.subarray(1000));
    expect(last.status).toBe(204);
    expect(last.headers.get('upload-offset')).toBe(String(content.length));
    expect(await offsetOf(upload.path)).toBe(content.length);
    expect(wanted.finished).toHaveBeenCalledTimes(1);
    expectSame(piecesOf(wanted), content);
    expect(mark.since('owner')).toEqual({ up: content.length, down: 0 });
    expectSame(readFileSync(upload.file), content);
  });

  it('goes on where a broken line left it', async () => {
    const wanted = vector();
    const upload = await uploads.expect(wanted);
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const broken = patch(upload.path, 0, readable).catch(() => undefined);
    await writer.write(content.subarray(0, 150_000));
    await wanted.begun;
    await writer.abort(new Error('line cut'));
    await broken;
    const reached = await offsetOf(upload.path);
    expect(reached).toBeGreaterThan(0);
    expect((await patch(upload.path, reached, content.subarray(reached))).status).toBe(204);
    expect(wanted.finished).toHaveBeenCalledTimes(1);
    expectSame(piecesOf(wanted), content);
    expect(wanted.deleting).not.toHaveBeenCalled();
  });

  it('starts over when its bytes are wrong, and is given up after the third time', async () => {
    const wrong = content.slice();
    wrong[5]! ^= 1;
    // What was received can be read again before it goes.
    const deleting = async (file: string) => expectSame(readFileSync(file), wrong);
    const wanted = vector({ deleting });
    const upload = await uploads.expect(wanted);
    for (let time = 1; time <= 3; time++) {
      const answer = await patch(upload.path, 0, wrong);
      // Twice the node is asked to send it again; then the round goes on without it.
      expect(await answer.json()).toMatchObject(
        time < 3 ? { code: 'DamagedUpload', retry: true } : { code: 'WrongHash', retry: false },
      );
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(wanted.failed).toHaveBeenCalledTimes(time === 3 ? 1 : 0);
      expect(wanted.deleting).toHaveBeenCalledTimes(Math.min(time, 2));
      expectSame(piecesOf(wanted), wrong);
      wanted.received.mockClear();
    }
    await upload.discard();
    expect(wanted.deleting).toHaveBeenCalledTimes(3);
    expect(wanted.finished).not.toHaveBeenCalled();
  });

  it('tells the node what its round made of the bytes', async () => {
    const { HansaError } = await import('@hansa/shared/errors');
    const late = new HansaError('UnexpectedMessage', 'too late');
    const upload = await uploads.expect(vector({ finished: () => Promise.reject(late) }));
    const answer = await patch(upload.path, 0, content);
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: 'UnexpectedMessage', detail: 'too late' });
  });

  it('is gone, bytes and all, once it is discarded', async () => {
    const deleting = async (file: string) => expectSame(readFileSync(file), content.subarray(0, 10));
    const wanted = vector({ deleting });
    const upload = await uploads.expect(wanted);
    await patch(upload.path, 0, content.subarray(0, 10));
    await upload.discard();
    await upload.discard();
    expect(wanted.deleting).toHaveBeenCalledTimes(1);
    expect(existsSync(upload.file)).toBe(false);
    expect((await patch(upload.path, 10, content.subarray(10))).status).toBe(404);
  });

  it('cuts off a sender when it is discarded', async () => {
    const wanted = vector();
    const upload = await uploads.expect(wanted);
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    writer.closed.catch(() => undefined);
    const sending = patch(upload.path, 0, readable);
    await writer.write(content.subarray(0, 1000));
    await wanted.begun;
    const cutOff = expect(sending).rejects.toThrow();
    await upload.discard();
    await cutOff;
    expect(wanted.deleting).toHaveBeenCalledTimes(1);
    expect(existsSync(upload.file)).toBe(false);
  });
});

describe('an upload refuses', () => {
  it.each([
    [
      'bytes past the end',
      (target: string) => patch(target, 0, Buffer.concat([content, Buffer.alloc(1)])),
      413,
      'PayloadTooLarge',
    ],
    ['another offset', (target: string) => patch(target, 5, content.subarray(5)), 409, 'UnexpectedMessage'],
    ['an offset that is none', (target: string) => patch(target, Number.NaN, content), 400, 'InvalidMessage'],
    [
      'another type of content',
      (target: string) => patch(target, 0, content, { 'content-type': 'text/plain' }),
      400,
      'InvalidMessage',
    ],
    [
      'another version of tus',
      (target: string) => patch(target, 0, content, { 'tus-resumable': '9.0.0' }),
      400,
      'InvalidMessage',
    ],
    ['a new length', (target: string) => patch(target, 0, content, { 'upload-length': '5' }), 400, 'InvalidMessage'],
    [
      'another node',
      (target: string) =>
        send('PATCH', target, {
          who: 'other',
          body: content,
          headers: { 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
        }),
      404,
      'NotFound',
    ],
    [
      'no signature',
      (target: string) => patch(target, 0, content, { [httpSignatureHeaders.signature]: '' }),
      401,
      'BadSignature',
    ],
    ['a new upload', () => send('POST', '/v1/uploads', { headers: { 'upload-length': '5' } }), 404, 'NotFound'],
    ['a deletion', (target: string) => send('DELETE', target), 404, 'NotFound'],
    ['reading', (target: string) => send('GET', target), 404, 'NotFound'],
    ['a path out of the spool', () => patch('/v1/uploads/..%2F..%2Fetc%2Fpasswd', 0, content), 404, 'NotFound'],
  ])('%s', async (_what, act, status, code) => {
    const wanted = vector();
    const upload = await uploads.expect(wanted);
    const answer = await act(upload.path);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ code, status });
    expect(wanted.finished).not.toHaveBeenCalled();
    expect(await offsetOf(upload.path)).toBe(0);
  });

  it('a request that was made before', async () => {
    const upload = await uploads.expect(vector());
    const headers = signature('HEAD', upload.path, 'owner');
    expect((await send('HEAD', upload.path, { headers })).status).toBe(200);
    expect((await send('HEAD', upload.path, { headers })).status).toBe(401);
  });
});

it('clears its folder of what an earlier process left', async () => {
  const upload = await uploads.expect(vector());
  const metrics = createMetrics('test');
  const auth = {
    sessions: new NodeSessions(federation),
    admin: new BearerToken('x'),
    failures: new FailureLimit(new ManualClock()),
    metrics,
  };
  await Uploads.open(path.join(folder, 'spool'), { ...auth, bytes });
  expect(existsSync(upload.file)).toBe(false);
});
