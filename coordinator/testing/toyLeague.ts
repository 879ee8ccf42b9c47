import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { IdentityKey, newIdentitySeed } from '@hansa/shared/crypto';
import { fromProblem, problemSchema } from '@hansa/shared/errors';
import { createLogger } from '@hansa/shared/log';
import { manifestFor, modelMetadata } from '@hansa/shared/model';
import { encodeFile, parameterCount } from '@hansa/shared/numeric';
import {
  adminStatusSchema,
  coordinatorIdentitySchema,
  modelRecordSchema,
  newJoinToken,
  roundRecordSchema,
  type TaskFile,
  taskFileSchema,
  taskRecordSchema,
  tokenRecordSchema,
  tokenRequestSchema,
} from '@hansa/shared/protocol';
import { systemRandom } from '@hansa/shared/random';
import { smallestArchitecture } from '@hansa/shared/testing';
import { z } from 'zod';
import { type Coordinator, type CoordinatorOptions, startCoordinator } from '../startCoordinator.ts';
import { ToyNode, type ToyNodeOptions } from './toyNode.ts';

type TaskInput = z.input<typeof taskFileSchema>;
type TaskChange = Partial<Omit<TaskInput, 'plan'>> & { readonly plan?: Partial<TaskInput['plan']> };

/** Longer than a round takes on any machine: what ends a stage in a test is that everybody answered or is gone. */
const deadlineMs = 600_000;

/** A task file for tests: two rounds of five nodes. It waits for every enrolled node, unless `change` says for how long (`deadlines.recruitMs`). */
export function testTask(change: TaskChange = {}): TaskFile {
  return taskFileSchema.parse({
    name: 'test',
    model: 'start.safetensors',
    rounds: 2,
    cohort: { minimum: 5 },
    ...change,
    deadlines: {
      recruitMs: deadlineMs,
      advertiseKeysMs: deadlineMs,
      shareKeysMs: deadlineMs,
      consistencyMs: deadlineMs,
      unmaskMs: deadlineMs,
      ...change.deadlines,
    },
    plan: {
      job: { kind: 'demand', frequency: 'day' },
      training: { steps: 1, batchSize: 8, learningRate: 0.1 },
      evaluation: { fineTuneSteps: 1, learningRates: [0.1] },
      ...change.plan,
    },
  });
}

/** Fields of a line of the coordinator's log; `msg` names the event. */
type LogEvent = { readonly msg: string } & Readonly<Record<string, string | number>>;

const manifest = manifestFor(smallestArchitecture);
const parameters = parameterCount(manifest);

/** The smallest model that there is, its numbers all 1. */
export const testModel = {
  parameters,
  bytes: encodeFile(manifest, modelMetadata(smallestArchitecture), new Float32Array(parameters).fill(1)),
};

/** A coordinator in this process, on a folder of its own and a free port, and the toy nodes around it. */
export class ToyLeague {
  readonly folder: string;
  readonly logLines: string[] = [];
  readonly nodes: ToyNode[] = [];
  /** The consortium's key; undefined in a league whose members approve each other. */
  approver: IdentityKey | undefined = new IdentityKey(newIdentitySeed(systemRandom));
  coordinator!: Coordinator;
  readonly #options: Partial<CoordinatorOptions>;
  #awaited: { readonly event: LogEvent; readonly resolve: () => void }[] = [];

  private constructor(options: Partial<CoordinatorOptions>) {
    this.#options = options;
    this.folder = mkdtempSync(path.join(tmpdir(), 'hansa-league-'));
  }

  static async start(options: Partial<CoordinatorOptions> = {}): Promise<ToyLeague> {
    const league = new ToyLeague(options);
    await league.restart();
    return league;
  }

  async restart(): Promise<void> {
    this.coordinator = await startCoordinator({
      dataFolder: path.join(this.folder, 'data'),
      host: '127.0.0.1',
      port: 0,
      log: createLogger('coordinator', 'debug', { write: (line) => this.#logged(line) }),
      reconnectGraceMs: 50,
      ...this.#options,
    });
  }

  /** Resolves at the next event of the log with these fields (docs/operations.md lists the events): how a test waits for something to have happened. */
  logged(event: LogEvent): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited.push({ event, resolve });
    });
  }

  #logged(line: string): void {
    this.logLines.push(line);
    const fields = JSON.parse(line) as Record<string, unknown>;
    const heard = this.#awaited.filter(({ event }) =>
      Object.entries(event).every(([name, value]) => fields[name] === value),
    );
    this.#awaited = this.#awaited.filter((one) => !heard.includes(one));
    for (const { resolve } of heard) resolve();
  }

  async close(): Promise<void> {
    for (const node of this.nodes) node.disconnect();
    await this.coordinator.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** An admin's request. @throws HansaError (what the coordinator refused with) */
  async admin<Schema extends z.ZodType>(
    method: string,
    target: string,
    schema: Schema,
    body?: unknown,
  ): Promise<z.output<Schema>> {
    const binary = body instanceof Uint8Array;
    const response = await fetch(`${this.coordinator.address}/v1/admin${target}`, {
      method,
      headers: {
        authorization: `Bearer ${this.coordinator.adminToken}`,
        ...(body !== undefined && { 'content-type': binary ? 'application/octet-stream' : 'application/json' }),
      },
      ...(body !== undefined && { body: binary ? Buffer.from(body) : JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (!response.ok) throw fromProblem(problemSchema.parse(answer));
    return schema.parse(answer);
  }

  async token(label = 'shop', validMs = 3_600_000): Promise<string> {
    const scope = await this.admin('GET', '/identity', coordinatorIdentitySchema);
    const { approver } = this;
    const expiresAtMs = Date.now() + validMs;
    const token = newJoinToken({ scope, expiresAtMs, ...(approver !== undefined && { approver }) }, systemRandom);
    const request = z.encode(tokenRequestSchema, { label, ...token.registration });
    await this.admin('POST', '/enrolment-tokens', tokenRecordSchema, request);
    return token.text;
  }

  async enrol(count: number, options: Omit<ToyNodeOptions, 'address' | 'token'>): Promise<ToyNode[]> {
    const added: ToyNode[] = [];
    for (let n = 0; n < count; n++) {
      const { address } = this.coordinator;
      added.push(await ToyNode.enrol({ ...options, address, token: await this.token(`shop ${n}`) }));
    }
    this.nodes.push(...added);
    return added;
  }

  /** Stores a model and creates a task that starts from it; resolves to the task's id. */
  async createTask(change: TaskChange = {}, model = testModel.bytes): Promise<string> {
    const hash = createHash('sha256').update(model).digest('hex');
    await this.admin('PUT', `/blobs/${hash}`, modelRecordSchema, model);
    const body = { task: testTask(change), modelHash: hash };
    return (await this.admin('POST', '/tasks', taskRecordSchema, body)).id;
  }

  task(id: string) {
    return this.admin('GET', `/tasks/${id}`, taskRecordSchema);
  }

  rounds(id: string) {
    return this.admin('GET', `/tasks/${id}/rounds`, roundRecordSchema.array());
  }

  status() {
    return this.admin('GET', '/status', adminStatusSchema);
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.coordinator.address}/metrics`)).text();
  }
}
