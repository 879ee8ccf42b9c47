import { readFile } from 'node:fs/promises';
import { timeoutSignal } from '@hansa/shared/clock';
import { fromProblem, HansaError, problemSchema } from '@hansa/shared/errors';
import {
  type AdminStatus,
  adminStatusSchema,
  type CreateTask,
  type RoundRecord,
  roundRecordSchema,
  type TaskRecord,
  taskRecordSchema,
} from '@hansa/shared/protocol';
import { z } from 'zod';

const requestTimeoutMs = 300_000;

/** The coordinator's admin API, as far as the demo needs it. */
export interface AdminApi {
  status(): Promise<AdminStatus>;
  storeModel(sha256: string, file: string): Promise<void>;
  createTask(task: CreateTask): Promise<TaskRecord>;
  rounds(taskId: string): Promise<RoundRecord[]>;
  model(sha256: string): Promise<Uint8Array>;
}

/** @param address like http://127.0.0.1:4600; @param token the admin token of the coordinator's data folder. */
export function connectAdminApi(address: string, token: string): AdminApi {
  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(`${address}/v1/admin${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, ...init.headers },
      signal: timeoutSignal(requestTimeoutMs),
    });
    if (response.ok) return response;
    const problem = problemSchema.safeParse(await response.json().catch(() => undefined));
    throw problem.success
      ? fromProblem(problem.data)
      : new HansaError('Unavailable', `The coordinator answered ${path} with status ${response.status}.`);
  };
  const read = async <Schema extends z.ZodType>(schema: Schema, path: string, init?: RequestInit) =>
    schema.parse(await (await call(path, init)).json()) as z.output<Schema>;
  const json = (body: unknown): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return {
    status: () => read(adminStatusSchema, '/status'),
    storeModel: async (sha256, file) => {
      const body = await readFile(file);
      await call(`/blobs/${sha256}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream' },
        body: new Uint8Array(body),
      });
    },
    createTask: (task) => read(taskRecordSchema, '/tasks', json(task)),
    rounds: (taskId) => read(z.array(roundRecordSchema), `/tasks/${taskId}/rounds`),
    model: async (sha256) => new Uint8Array(await (await call(`/models/${sha256}/content`)).arrayBuffer()),
  };
}
