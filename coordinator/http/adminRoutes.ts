import type { Readable } from 'node:stream';
import type { Clock } from '@hansa/shared/clock';
import { parseOrExplain } from '@hansa/shared/config';
import { HansaError } from '@hansa/shared/errors';
import { parameterCount } from '@hansa/shared/numeric';
import {
  type AdminStatus,
  type ClientRecord,
  coordinatorIdentitySchema,
  createTaskSchema,
  type EvidenceRecord,
  type ModelRecord,
  sha256HexSchema,
  type TaskRecord,
  tokenRequestSchema,
} from '@hansa/shared/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type EnrolmentPorts, registerJoinToken } from '../clients/enrolment.ts';
import type { Rosters } from '../clients/rosters.ts';
import { newTask, readModelHeader } from '../federation/createTask.ts';
import type { Rounds } from '../round/rounds.ts';
import type { BlobStore } from '../storage/blobStore.ts';
import type { EvidenceRow, ModelRow, StateStore, TaskRow } from '../storage/stateStore.ts';
import { type AuthPorts, assertAdmin } from './authentication.ts';
import { sendBlob } from './blobContent.ts';

const MODEL_LIMIT_BYTES = 4 * 1024 ** 3;

export interface AdminPorts extends AuthPorts, EnrolmentPorts {
  readonly store: StateStore;
  readonly blobs: BlobStore;
  readonly rounds: Rounds;
  readonly rosters: Rosters;
  readonly clock: Clock;
  readonly version: string;
  readonly startedAtMs: number;
  /** Ids of the nodes that are connected now. */
  readonly connected: () => readonly string[];
}

/** The admin's API: see shared/protocol/admin.ts. */
export function adminRoutes(app: FastifyInstance, ports: AdminPorts): void {
  app.register(
    async (scope) => {
      scope.addHook('onRequest', (request) => assertAdmin(request, ports));
      tokenAndClientRoutes(scope, ports);
      taskRoutes(scope, ports);
      modelRoutes(scope, ports);
      scope.get('/evidence', async () => (await ports.store.evidence()).map(evidenceRecord));
      scope.get('/status', async (): Promise<AdminStatus> => {
        const running = ports.rounds.status();
        return {
          federation: ports.federation,
          version: ports.version,
          startedAt: iso(ports.startedAtMs),
          clients: await clientRecords(ports),
          tasks: (await ports.store.tasks()).map(taskRecord),
          ...(running !== undefined && { running }),
        };
      });
    },
    { prefix: '/v1/admin' },
  );
}

function tokenAndClientRoutes(scope: FastifyInstance, ports: AdminPorts): void {
  scope.get('/identity', async () =>
    z.encode(coordinatorIdentitySchema, {
      federation: ports.federation,
      coordinatorKey: ports.identity.publicKey,
    }),
  );
  scope.post('/enrolment-tokens', async (request, reply) => {
    const body = parseOrExplain(tokenRequestSchema, request.body ?? {}, 'The request', 'InvalidArgument');
    reply.code(201);
    return registerJoinToken(body, ports);
  });
  scope.get('/clients', () => clientRecords(ports));
}

function taskRoutes(scope: FastifyInstance, { store, blobs, rounds, clock }: AdminPorts): void {
  scope.post('/tasks', async (request, reply) => {
    const body = parseOrExplain(createTaskSchema, request.body, 'The task', 'InvalidTask');
    const { task, adapter } = await newTask(body, blobs, clock.now());
    if (adapter !== undefined && (await store.model(adapter.hash)) === undefined) await store.addModel(adapter);
    await store.addTask(task);
    await rounds.taskAdded();
    reply.code(201);
    return taskRecord((await store.task(task.id)) ?? task);
  });
  scope.get('/tasks', async () => (await store.tasks()).map(taskRecord));
  scope.get<{ Params: { taskId: string } }>('/tasks/:taskId', async ({ params }) =>
    taskRecord(await existingTask(store, params.taskId)),
  );
  scope.post<{ Params: { taskId: string } }>('/tasks/:taskId/abort', async ({ params }) => {
    await rounds.abort(params.taskId);
    return taskRecord(await existingTask(store, params.taskId));
  });
  scope.get<{ Params: { taskId: string } }>('/tasks/:taskId/rounds', async ({ params }) => {
    const task = await existingTask(store, params.taskId);
    return store.rounds(task.id);
  });
  scope.get<{ Params: { taskId: string; attempt: string } }>('/tasks/:taskId/rounds/:attempt', async ({ params }) => {
    const task = await existingTask(store, params.taskId);
    const attempt = /^[1-9]\d{0,8}$/.test(params.attempt) ? Number(params.attempt) : undefined;
    const record = attempt === undefined ? undefined : await store.round(task.id, attempt);
    if (record === undefined) {
      throw new HansaError(
        'NotFound',
        `Task ${task.id} has no ended attempt ${params.attempt}; it has begun ${task.attempts}.`,
      );
    }
    return record;
  });
}

function modelRoutes(scope: FastifyInstance, { store, blobs, clock }: AdminPorts): void {
  scope.get('/models', async () => (await store.models()).map(modelRecord));
  scope.get<{ Params: { sha256: string } }>('/models/:sha256/content', async (request, reply) =>
    sendBlob(request, reply, blobs, hashIn(request.params.sha256), () => undefined),
  );
  scope.register(async (upload) => {
    // A model is as large as it is: it is piped to the store, not read into memory.
    upload.removeAllContentTypeParsers();
    upload.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    upload.put<{ Params: { sha256: string } }>('/blobs/:sha256', async (request, reply) => {
      const sha256 = hashIn(request.params.sha256);
      const known = await store.model(sha256);
      const body = request.body as Readable | undefined;
      if (body === undefined)
        throw new HansaError('InvalidMessage', 'The request has no bytes. Send the model as its body.');
      const { sizeBytes } = await blobs.put(body, { sha256, maxSizeBytes: MODEL_LIMIT_BYTES });
      if (known !== undefined) return modelRecord(known);
      const header = await readModelHeader(blobs, sha256).catch(async (error: unknown) => {
        await blobs.delete(sha256);
        throw error;
      });
      const model: ModelRow = {
        hash: sha256,
        sizeBytes,
        parameters: parameterCount(header.manifest),
        taskId: undefined,
        round: 0,
        createdAtMs: clock.now(),
      };
      await store.addModel(model);
      reply.code(201);
      return modelRecord(model);
    });
  });
}

async function existingTask(store: StateStore, id: string): Promise<TaskRow> {
  const task = await store.task(id);
  if (task === undefined) throw new HansaError('NotFound', `There is no task ${id.slice(0, 64)}.`);
  return task;
}

function hashIn(text: string): string {
  if (sha256HexSchema.safeParse(text).success) return text;
  throw new HansaError('InvalidArgument', 'A model is named by its SHA-256: 64 hexadecimal digits in lower case.');
}

async function clientRecords({ store, connected, rosters }: AdminPorts): Promise<ClientRecord[]> {
  const online = new Set(connected());
  const listed = new Set(rosters.chain.at(-1)?.members.map(({ id }) => id));
  const approvals = await store.memberApprovals();
  return (await store.clients()).map((client) => ({
    id: client.id,
    label: client.label,
    enrolledAt: iso(client.enrolledAtMs),
    connected: online.has(client.id),
    inRoster: listed.has(client.id),
    approvals: approvals.filter(({ clientId }) => clientId === client.id).length,
    ...(client.lastSeenAtMs !== undefined && { lastSeenAt: iso(client.lastSeenAtMs) }),
  }));
}

const iso = (ms: number): string => new Date(ms).toISOString();

const taskRecord = (task: TaskRow): TaskRecord => ({
  id: task.id,
  name: task.name,
  state: task.state,
  ...(task.reason !== undefined && { reason: task.reason }),
  rounds: task.file.rounds,
  committedRounds: task.committedRounds,
  modelHash: task.modelHash,
  initialModelHash: task.initialModelHash,
  createdAt: iso(task.createdAtMs),
  task: task.file,
});

const evidenceRecord = (row: EvidenceRow): EvidenceRecord => ({
  id: row.id,
  foundAt: iso(row.foundAtMs),
  taskId: row.taskId,
  attempt: row.attempt,
  client: row.clientId,
  evidence: JSON.parse(row.wire),
});

const modelRecord = (model: ModelRow): ModelRecord => ({
  hash: model.hash,
  sizeBytes: model.sizeBytes,
  parameters: model.parameters,
  ...(model.taskId !== undefined && { taskId: model.taskId }),
  round: model.round,
  createdAt: iso(model.createdAtMs),
});
