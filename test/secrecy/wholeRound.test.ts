import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readNodeConfig } from '@hansa/client-node/session';
import { startTrainer, type TrainResult } from '@hansa/client-node/trainer';
import { createLogger } from '@hansa/shared/log';
import { localTrainingSchema, type RoundRecord } from '@hansa/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Processes } from '../endToEnd/processes.ts';
import {
  createTask,
  enrolNode,
  keptSumHash,
  type Node,
  roundsOf,
  startCoordinator,
} from '../endToEnd/processLeague.ts';
import { answerToPing, RecordingProxy } from './recordingProxy.ts';
import { uniformityOf } from './uniformity.ts';

const members = 5;
const training = { steps: 20, batchSize: 4, learningRate: 0.001 };

/** What a node knows about its own round and nobody else may. */
interface Private {
  readonly clientId: string;
  /** Local minus received weights. */
  readonly update: Float32Array;
  /** The same as integers, with weight, loss and validation loss behind it: what its masks hide. */
  readonly quantised: Uint8Array;
  /** What left the node. */
  readonly masked: Uint8Array;
  readonly result: TrainResult;
}

/** Whether a node's message is its report of this stage. */
const reports = (stage: 'training' | 'trained') => (message: string) => message.includes(`"stage":"${stage}"`);

/** Bytes that the coordinator got, kept or wrote, by where they stand. */
type Corpus = ReadonlyMap<string, Buffer>;

let folder: string;
let processes: Processes;
let proxy: RecordingProxy | undefined;
let record: RoundRecord;
let nodes: readonly Node[];
let secrets: readonly Private[];
/** Bodies of masked vectors as they arrived. */
let vectors: Corpus;
/** All other bytes that nodes sent. */
let received: Corpus;
/** Every file of the coordinator's data folder after the round, its log at its most talkative, its metrics. */
let kept: Corpus;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-secrecy-'));
  processes = new Processes(folder);
  const coordinator = await startCoordinator(processes, folder, '--log-level', 'debug');
  proxy = await RecordingProxy.start(coordinator.address, reports('training'));
  const between = { ...coordinator, address: proxy.address };
  const enrolled: Node[] = [];
  for (let merchant = 0; merchant < members; merchant++) {
    enrolled.push(await enrolNode(processes, between, join(folder, `node-${merchant}`), merchant));
  }
  nodes = enrolled;
  const task = await createTask(processes, coordinator, folder, 1, {
    secureAggregation: { weighting: { kind: 'examples', cap: 800 } },
    plan: {
      job: { kind: 'demand', frequency: 'day' },
      training,
      evaluation: { fineTuneSteps: 1, learningRates: [0.001] },
    },
  });
  const running = nodes.map(({ config }) =>
    processes.run('client', 'run', '--config', config, '--until-task-ends', '--json'),
  );
  const ends = await Promise.all(running);
  for (const { status, stderr } of ends) expect(status, stderr).toBe(0);
  const [first] = (await roundsOf(processes, coordinator, task.id)).filter(({ outcome }) => outcome === 'committed');
  record = first!;

  const uploads = proxy.received.filter(({ where }) => where.startsWith('PATCH /v1/uploads/'));
  const others = proxy.received.filter(({ where }) => !where.startsWith('PATCH /v1/uploads/'));
  vectors = new Map(uploads.map(({ where, bytes }) => [where, bodyOf(bytes)]));
  received = new Map([['messages and requests of nodes', Buffer.concat(others.map(({ bytes }) => bytes))]]);
  const metrics = await (await fetch(`${coordinator.address}/metrics`)).text();
  const { process } = coordinator;
  process.child.kill('SIGTERM');
  await process.finished;
  kept = new Map([
    ...filesOf(coordinator.dataFolder),
    ['log', Buffer.from(process.stdout + process.stderr)],
    ['metrics', Buffer.from(metrics)],
  ]);
  const initial = join(folder, 'start.safetensors');
  secrets = await Promise.all(nodes.map((node) => privateOf(node, record, initial)));
});

afterAll(async () => {
  await proxy?.close();
  await processes.end();
  rmSync(folder, { recursive: true, force: true });
});

function bodyOf(request: Uint8Array): Buffer {
  const bytes = Buffer.from(request);
  return bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
}

function filesOf(root: string): [string, Buffer][] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path.slice(root.length + 1), readFileSync(path)]);
}

/** A node's own files of the round, and its training repeated: equal seeds and data give the update to the bit. */
async function privateOf(node: Node, { taskId, round, attempt }: RoundRecord, modelFile: string): Promise<Private> {
  const config = readNodeConfig(node.config);
  const trainer = await startTrainer({
    engine: 'wasm',
    data: config.data,
    baseFolder: config.baseFolder,
    scratchFolder: node.folder,
    log: createLogger('test', 'silent'),
  });
  try {
    const updateFile = join(node.folder, 'repeated.f32');
    const result = await trainer.train({
      modelFile,
      job: 'demand',
      round,
      rounds: 1,
      updateFile,
      training: localTrainingSchema.parse(training),
      seed: `0/${round}`,
    });
    const file = (suffix: string) =>
      readFileSync(join(node.folder, 'updates', `${taskId}-${round}-${attempt}${suffix}`));
    const bytes = readFileSync(updateFile);
    return {
      clientId: node.clientId,
      update: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
      quantised: file('.u32'),
      masked: file('.masked.u32'),
      result,
    };
  } finally {
    await trainer.close();
  }
}

/** Runs of eight numbers in a row, none of them 0, spread through a vector of 4-byte numbers. */
function pieces(bytes: Uint8Array, count = 12): Buffer[] {
  const words = new Uint32Array(Uint8Array.from(bytes).buffer);
  const found: Buffer[] = [];
  for (let piece = 0; piece < count; piece++) {
    let at = Math.floor((piece * words.length) / count);
    while (at + 8 <= words.length && words.subarray(at, at + 8).includes(0)) at += 1;
    if (at + 8 <= words.length) found.push(Buffer.from(bytes.subarray(4 * at, 4 * at + 32)));
  }
  return found;
}

/** Bytes as they would look raw, in hexadecimal, and in the middle of base64 of either alphabet. */
function spellings(bytes: Buffer): Buffer[] {
  const inBase64 = (encoding: 'base64' | 'base64url') =>
    [0, 1, 2].map((skipped) => {
      const whole = bytes.subarray(skipped, skipped + 3 * Math.floor((bytes.length - skipped) / 3));
      return Buffer.from(whole.toString(encoding));
    });
  return [bytes, Buffer.from(bytes.toString('hex')), ...inBase64('base64'), ...inBase64('base64url')];
}

/** A number as text to six digits, as a double and as a float of either byte order. */
function numberSpellings(value: number): Buffer[] {
  const buffer = (size: number, write: (target: Buffer) => void): Buffer => {
    const target = Buffer.alloc(size);
    write(target);
    return target;
  };
  return [
    Buffer.from(String(value).slice(0, 8)),
    Buffer.from(value.toFixed(6)),
    Buffer.from(value.toPrecision(6)),
    buffer(8, (target) => target.writeDoubleBE(value)),
    buffer(8, (target) => target.writeDoubleLE(value)),
    buffer(4, (target) => target.writeFloatBE(value)),
    buffer(4, (target) => target.writeFloatLE(value)),
  ];
}

/** Where any of the needles stands. */
function found(needles: readonly Buffer[], ...corpora: readonly Corpus[]): string[] {
  return corpora.flatMap((corpus) =>
    [...corpus].filter(([, bytes]) => needles.some((needle) => bytes.includes(needle))).map(([where]) => where),
  );
}

describe('all that a coordinator received, stored and logged in a round of five real nodes', () => {
  it('was a round: everything was seen, and the sum is that of what the nodes kept', () => {
    expect(record.reported.slice().sort()).toEqual(nodes.map(({ clientId }) => clientId).sort());
    expect(record.sumHash).toBe(keptSumHash(nodes, record));
    expect([...vectors.values()].map(text).sort()).toEqual(secrets.map(({ masked }) => text(masked)).sort());
    // The repeated training is the round's: its integers are those that the node masked.
    for (const { update, quantised } of secrets) {
      const words = new Int32Array(Uint8Array.from(quantised).buffer);
      const largest = update.reduce((best, value, at) => (Math.abs(value) > Math.abs(update[best]!) ? at : best), 0);
      const scale = words[largest]! / update[largest]!;
      for (let at = 0; at < update.length; at += 97) expect(Math.abs(words[at]! - scale * update[at]!)).toBeLessThan(2);
    }
  });

  it('has answers of every node to its pings while that node trains', () => {
    const whileTraining = proxy!.conversations
      .filter((messages) => messages.some(reports('trained')))
      .map((messages) =>
        messages.slice(messages.findIndex(reports('training')), messages.findIndex(reports('trained'))),
      );
    expect(whileTraining).toHaveLength(members);
    for (const messages of whileTraining) expect(messages).toContain(answerToPing);
  });

  it('holds vectors that look uniform each, and would not without their masks', () => {
    const verdict = uniformityOf([...vectors.values()]);
    expect(verdict).toMatchObject({ rejected: false });
    expect(verdict.tests).toBeGreaterThanOrEqual(40 * members);
    for (const { quantised } of secrets) expect(uniformityOf([quantised])).toMatchObject({ rejected: true });
  });

  it('holds no piece of an update, in no spelling', () => {
    for (const { update, quantised } of secrets) {
      const needles = [...pieces(new Uint8Array(update.buffer)), ...pieces(quantised)].flatMap(spellings);
      expect(needles.length).toBeGreaterThan(100);
      expect(found(needles, vectors, received, kept)).toEqual([]);
    }
    // The search finds what is there: the model that came of the round.
    const model = kept.get(join('blobs', record.modelHash!))!;
    expect(found([pieces(model.subarray(model.length - 4 * secrets[0]!.update.length))[3]!], kept)).toHaveLength(1);
  });

  it('holds no loss and no weight of a single member', () => {
    for (const { result } of secrets) {
      for (const loss of [result.trainLoss, result.validationLoss]) {
        expect(found(numberSpellings(loss), received, kept)).toEqual([]);
      }
    }
    // The search finds what is there: the mean of all.
    expect(found(numberSpellings(record.loss!), kept)).toContain('metrics');
    const mean = secrets.reduce((sum, { result }) => sum + result.trainLoss, 0) / members;
    expect(record.loss).toBeCloseTo(mean, 4);
    // Nodes have no word for it, and of one member the record knows only who it is, what it moved and where it was lost.
    for (const bytes of received.values()) {
      expect(bytes.toString('latin1')).not.toMatch(/"(?:weight|loss|validationLoss|windows|rows|norm|metrics)"/);
    }
    const told = Object.entries(record).filter(([, value]) =>
      nodes.some(({ clientId }) => JSON.stringify(value).includes(clientId)),
    );
    expect(told.map(([name]) => name).sort()).toEqual(['bytesDownByClient', 'bytesUpByClient', 'reported', 'selected']);
    expect(record.weightSum).toBeGreaterThan(members);
  });
});

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
