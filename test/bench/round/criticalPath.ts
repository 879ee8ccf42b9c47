import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClientEffect, type ClientEvent, step } from '@hansa/aggregation/secagg/client';
import { byteLengthOf, FoldedSum, quantisedTiles } from '@hansa/aggregation/secagg/encoding';
import type { UnmaskPlan } from '@hansa/aggregation/secagg/server';
import { leagueConfig, leagueNowMs, ReducerLeague, type SimulatedNode } from '@hansa/aggregation/secagg/testing';
import { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { SecretBytes, sha256 } from '@hansa/shared/crypto';
import { encodeHeader, layOut, readHeader } from '@hansa/shared/numeric';
import { decodeMessage, encodeMessage, type SetupMessageName } from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import { type Journal, openJournal } from '../../../client-node/ledger/journal.ts';
import { checkModel, maskToFile, writeTiles } from '../../../client-node/session/localRound.ts';
import { openModel } from '../../../coordinator/round/openModel.ts';
import { FileBlobStore } from '../../../coordinator/storage/fileBlobStore.ts';
import { StrategyStates } from '../../../coordinator/storage/strategyStates.ts';
import { DeskProcess } from '../fold/deskProcess.ts';
import type { BenchCase } from '../report.ts';

/** A node's line, each way: 100 Mbit/s. */
const BYTES_PER_MS = 12_500;
/** One way. */
const LATENCY_MS = 10;
const LIMIT = 1.25;
const REPEATS = 5;
/** Uploads whose cost is measured, and how many at once. */
const MEASURED_UPLOADS = 12;
const UPLOADS_AT_ONCE = 4;

/** What one side does of its own, in milliseconds and bytes. */
interface Share {
  processorMs: number;
  bytesUp: number;
  bytesDown: number;
}

const nothing = (): Share => ({ processorMs: 0, bytesUp: 0, bytesDown: 0 });

/** Moments of a round, in milliseconds since its start, by name and in order. */
type Moments = Record<string, number>;

/** When what was sent at `sentMs` is there. */
const arrival = (sentMs: number, sizeBytes: number): number => sentMs + LATENCY_MS + sizeBytes / BYTES_PER_MS;

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

async function timed<T>(work: () => T | Promise<T>): Promise<{ value: T; tookMs: number }> {
  const began = performance.now();
  const value = await work();
  return { value, tookMs: performance.now() - began };
}

/**
 * How long a round takes where every node has a machine and a line of its own, with secure aggregation and without: a hundred processes on one
 * machine wait for each other and cannot tell.
 *
 * Every piece of work is done by the product's own code and timed alone: the reducers of both sides with real keys, the journal, the model's check, the
 * masks on one core, the masked vector on disk, uploads over HTTP into spool and sum, the opening of the sum. The moments are then added up as they depend
 * on each other: nodes work side by side, each taking the median of all, the coordinator takes one message after the other, and bytes take their
 * time on a line of 100 Mbit/s and 10 ms to each node. Nothing is trained, so that nothing hides behind training; masks are made beside the download of
 * the model. The set-up was made while the round before trained, as the product does, and stands beside.
 *
 * Without masks the round is the same otherwise: the same model, check, clipping and quantising, the same upload and fold, no set-up, no masks, no M4
 * and M5. Only here: the product has no such round.
 */
export async function criticalPath(clients: number, params: number): Promise<{ cases: BenchCase[]; told: unknown }> {
  const folder = mkdtempSync(join(tmpdir(), 'hansa-bench-path-'));
  const threads = { node: new MaskThreads(1), coordinator: new MaskThreads() };
  const journal = await openJournal(join(folder, 'journal'));
  try {
    return await new PathBench(clients, params, folder, threads, journal).run();
  } finally {
    await journal.close();
    await Promise.all([threads.node.close(), threads.coordinator.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

class PathBench {
  readonly #clients: number;
  readonly #config;
  readonly #update: Float32Array;
  readonly #folder: string;
  readonly #threads: { readonly node: MaskThreads; readonly coordinator: MaskThreads };
  readonly #journal: Journal;
  readonly #header: Uint8Array;
  readonly #modelFile: string;

  constructor(
    clients: number,
    params: number,
    folder: string,
    threads: { readonly node: MaskThreads; readonly coordinator: MaskThreads },
    journal: Journal,
  ) {
    this.#clients = clients;
    this.#folder = folder;
    this.#threads = threads;
    this.#journal = journal;
    this.#header = encodeHeader(layOut([{ name: 'bench', shape: [params] }]), {});
    this.#modelFile = join(folder, 'model.safetensors');
    this.#config = leagueConfig(clients, {
      vectorLength: params,
      wordBits: 32,
      weighting: 'uniform',
      architectureHash: sha256(this.#header),
    });
    const noise = new Int16Array(seededRandom('bench path').bytes(2 * params).buffer);
    this.#update = Float32Array.from(noise, (value) => value / 2 ** 25);
  }

  async run(): Promise<{ cases: BenchCase[]; told: unknown }> {
    const { vectorLength } = this.#config;
    await writeFile(this.#modelFile, [this.#header, new Uint8Array(4 * vectorLength)]);
    const blobs = await FileBlobStore.open(join(this.#folder, 'blobs'));
    const model = await blobs.put(parts(this.#header, new Uint8Array(4 * vectorLength)));
    const common = {
      modelBytes: model.sizeBytes,
      checkMs: await this.#checkMs(),
      uploadMs: await this.#uploadMs(),
    };
    const league = new ReducerLeague({
      size: this.#clients,
      seed: 'bench path',
      config: this.#config,
      update: () => this.#update,
    });
    process.stderr.write(`critical path: a set-up of ${this.#clients} members is made\n`);
    const setup = await this.#setUp(league);
    process.stderr.write('critical path: a round with masks\n');
    const masked = await this.#masked(league, new Uint8Array(Buffer.from(model.sha256, 'hex')), common, (plan, sum) =>
      this.#openMs(blobs, model.sha256, plan, sum),
    );
    process.stderr.write('critical path: the same without\n');
    const plain = await this.#plain(league, masked, common, (sum) =>
      this.#openMs(blobs, model.sha256, { survivors: [...league.nodes.keys()], masks: [] }, sum),
    );
    return report(setup, masked, plain);
  }

  /** OPEN to ACK: what each node does and sends, the median of all. */
  async #setUp(league: ReducerLeague): Promise<Share> {
    league.open();
    const shares = new Map([...league.nodes.keys()].map((index) => [index, nothing()]));
    while (league.server.phase !== 'ready') {
      for (const { to, name, wire } of league.toNodes.splice(0)) {
        const share = shares.get(to)!;
        const { tookMs } = await timed(() =>
          league.deliver(league.nodes.get(to)!, name, decodeMessage(name, JSON.parse(wire))),
        );
        share.processorMs += tookMs;
        share.bytesDown += wire.length;
      }
      for (const { from, wire } of league.toServer) shares.get(from)!.bytesUp += wire.length;
      league.answer();
    }
    const all = [...shares.values()];
    return {
      processorMs: median(all.map(({ processorMs }) => processorMs)),
      bytesUp: median(all.map(({ bytesUp }) => bytesUp)),
      bytesDown: median(all.map(({ bytesDown }) => bytesDown)),
    };
  }

  /** A round from M3 to the stored model. */
  async #masked(
    league: ReducerLeague,
    modelHash: Uint8Array,
    { modelBytes, checkMs, uploadMs }: Common,
    openMs: (plan: UnmaskPlan, sum: FoldedSum) => Promise<number>,
  ): Promise<Round & Announcement> {
    const started = await timed(() => league.tellServer({ type: 'startRound', round: 1, modelHash }));
    const sum = new FoldedSum(this.#config);
    const work: NodeWork[] = [];
    for (const { to, name, wire } of league.toNodes.splice(0))
      work.push(await this.#masksVector(league, to, name, wire, modelHash, sum));
    const headersMs: number[] = [];
    const committedMs: number[] = [];
    for (const { index, header } of work) {
      const message = decodeMessage('maskedInputHeader', JSON.parse(header));
      const announced = await timed(() =>
        league.tellServer({ type: 'message', from: index, name: 'maskedInputHeader', message }),
      );
      headersMs.push(announced.tookMs);
    }
    for (const { index, header } of work) {
      const { byteLength, vectorHash } = decodeMessage('maskedInputHeader', JSON.parse(header));
      const committed = await timed(() =>
        league.tellServer({ type: 'vectorCommitted', index, byteLength, vectorHash }),
      );
      committedMs.push(committed.tookMs);
    }
    const of = (piece: 'startMs' | 'masksMs' | 'maskMs') => median(work.map((one) => one[piece]));
    const startBytes = median(work.map((one) => one.startBytes));
    const headerBytes = median(work.map(({ header }) => header.length));
    const node: Share = {
      processorMs: of('startMs') + checkMs + of('masksMs') + of('maskMs'),
      bytesDown: startBytes + modelBytes,
      bytesUp: headerBytes + byteLengthOf(this.#config),
    };
    const startHeard = arrival(started.tookMs, startBytes);
    const startChecked = startHeard + of('startMs');
    const masksMade = startChecked + of('masksMs');
    const modelChecked = arrival(startChecked + LATENCY_MS, modelBytes) + checkMs;
    const vectorMasked = Math.max(masksMade, modelChecked) + of('maskMs');
    const { takenMs, lineSpeedGainMs } = this.#uploaded(vectorMasked, headerBytes, total(headersMs), uploadMs);
    const vectorsTaken = takenMs + total(committedMs);
    const survivorsSigned = await this.#exchange(league, vectorsTaken, node);
    const sharesTaken = await this.#exchange(league, survivorsSigned, node);
    const modelStored = sharesTaken + (await openMs(league.plan!, sum));
    const moments = {
      startHeard,
      startChecked,
      masksMade,
      modelChecked,
      vectorMasked,
      vectorsTaken,
      survivorsSigned,
      sharesTaken,
      modelStored,
    };
    return { node, moments, lineSpeedGainMs, startBytes, headerBytes };
  }

  /** What one node does between M3 and its vector's last byte, the download left out; its vector is added to the sum. */
  async #masksVector(
    league: ReducerLeague,
    index: number,
    name: SetupMessageName,
    wire: string,
    modelHash: Uint8Array,
    sum: FoldedSum,
  ): Promise<NodeWork> {
    const node = league.nodes.get(index)!;
    const start = await this.#told(league, node, name, wire);
    const { plan } = effectOf(start.effects, 'expandMasks');
    const maskSum = new Uint8Array(byteLengthOf(this.#config));
    const masks = await timed(() =>
      this.#threads.node.expand(this.#config, [plan.self, ...plan.pairs], (at, part) => maskSum.set(part, at)),
    );
    const trained = await this.#step(league, node, () => ({ type: 'prepared', modelHash, nowMs: leagueNowMs }));
    const file = join(this.#folder, 'masked');
    const mask = await timed(() => maskToFile(node.contribution, maskSum, file, new AbortController().signal));
    const masked = await this.#step(league, node, () => ({ type: 'maskedVector', ...mask.value, nowMs: leagueNowMs }));
    await this.#step(league, node, () => ({ type: 'vectorSent' }));
    sum.add(0, await readFile(file));
    return {
      index,
      startBytes: wire.length,
      header: JSON.stringify(encodeMessage('maskedInputHeader', effectOf(masked.effects, 'upload').header)),
      startMs: start.tookMs,
      masksMs: masks.tookMs,
      maskMs: trained.tookMs + mask.tookMs + masked.tookMs,
    };
  }

  /** The same round without secure aggregation. */
  async #plain(
    league: ReducerLeague,
    { startBytes, headerBytes }: Announcement,
    { modelBytes, checkMs, uploadMs }: Common,
    openMs: (sum: FoldedSum) => Promise<number>,
  ): Promise<Round> {
    const sum = new FoldedSum(this.#config);
    const file = join(this.#folder, 'plain');
    const written: number[] = [];
    for (const { contribution } of league.nodes.values()) {
      const vector = await timed(() => writeTiles(quantisedTiles(contribution), file, new AbortController().signal));
      written.push(vector.tookMs);
      sum.add(0, await readFile(file));
    }
    const startHeard = arrival(0, startBytes);
    const modelChecked = arrival(startHeard + LATENCY_MS, modelBytes) + checkMs;
    const vectorWritten = modelChecked + median(written);
    const { takenMs: vectorsTaken, lineSpeedGainMs } = this.#uploaded(vectorWritten, headerBytes, 0, uploadMs);
    const modelStored = vectorsTaken + (await openMs(sum));
    const node: Share = {
      processorMs: checkMs + median(written),
      bytesUp: headerBytes + byteLengthOf(this.#config),
      bytesDown: startBytes + modelBytes,
    };
    const moments = { startHeard, modelChecked, vectorWritten, vectorsTaken, modelStored };
    return { node, moments, lineSpeedGainMs };
  }

  /** When the last vector is hashed and folded: announced, its ticket fetched, on its way; the coordinator takes all at once, or as fast as it can. */
  #uploaded(readyMs: number, headerBytes: number, headersMs: number, uploadMs: number) {
    const ticketMs = arrival(arrival(readyMs, headerBytes) + headersMs, 0);
    const lastByteMs = arrival(ticketMs, byteLengthOf(this.#config));
    const takenMs = Math.max(lastByteMs + uploadMs, ticketMs + LATENCY_MS + this.#clients * uploadMs);
    return { takenMs, lineSpeedGainMs: takenMs - lastByteMs };
  }

  /** One request of the coordinator to all nodes and their answers, from `sentMs` until the coordinator can go on. */
  async #exchange(league: ReducerLeague, sentMs: number, node: Share): Promise<number> {
    const costs: number[] = [];
    const [down, up]: [number[], number[]] = [[], []];
    for (const { to, name, wire } of league.toNodes.splice(0)) {
      const { effects, tookMs } = await this.#told(league, league.nodes.get(to)!, name, wire);
      costs.push(tookMs);
      down.push(wire.length);
      const sent = effectOf(effects, 'send');
      const answer = JSON.stringify(encodeMessage(sent.name, sent.message as never));
      up.push(answer.length);
      league.toServer.push({ from: to, name: sent.name, wire: answer });
    }
    const answersMs: number[] = [];
    for (const { from, name, wire } of league.toServer.splice(0)) {
      // Once there are enough shares, nothing waits for those that are left.
      if (name === 'vector' || league.server.phase === 'unmasking') continue;
      const { tookMs } = await timed(() =>
        league.tellServer({ type: 'message', from, name, message: decodeMessage(name, JSON.parse(wire)) } as never),
      );
      answersMs.push(tookMs);
    }
    node.processorMs += median(costs);
    node.bytesDown += median(down);
    node.bytesUp += median(up);
    return arrival(arrival(sentMs, median(down)) + median(costs), median(up)) + total(answersMs);
  }

  #told(league: ReducerLeague, node: SimulatedNode, name: SetupMessageName, wire: string) {
    return this.#step(
      league,
      node,
      () =>
        ({ type: 'message', name, message: decodeMessage(name, JSON.parse(wire)), nowMs: leagueNowMs }) as ClientEvent,
    );
  }

  /** A step of a node's reducer, with what it writes down. */
  async #step(_league: ReducerLeague, node: SimulatedNode, event: () => ClientEvent) {
    const { value: effects, tookMs } = await timed(async () => {
      const { state, effects, refusal } = step(node.state, event(), node.reducerPorts);
      if (refusal !== undefined) throw refusal;
      node.state = state;
      for (const effect of effects) {
        if (effect.type === 'journal') await this.#journal.append(effect.record);
        if (effect.type === 'wipe') for (const secret of effect.secrets) secret.wipe();
      }
      return effects;
    });
    for (const effect of effects) if (effect.type === 'journal') node.memory.apply(effect.record);
    return { effects, tookMs };
  }

  /** What a node does with a model that has come: its hash, its header. */
  async #checkMs(): Promise<number> {
    const all: number[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const { tookMs } = await timed(async () => {
        sha256(await readFile(this.#modelFile));
        const strategy = { name: 'fedAvg', serverLearningRate: 1 } as const;
        await checkModel(this.#modelFile, this.#config, { mode: { kind: 'full' }, job: 'demand', strategy }, 1);
      });
      all.push(tookMs);
    }
    return median(all);
  }

  /** What an upload takes of the coordinator, with spool, hash and fold, when several come at once. */
  #uploadMs(): Promise<number> {
    return DeskProcess.with(MEASURED_UPLOADS, this.#config.vectorLength, async (desk) => {
      const clients = Array.from({ length: MEASURED_UPLOADS }, (_, index) => index);
      const all: number[] = [];
      for (let repeat = 0; repeat < REPEATS; repeat++) {
        all.push((await timed(() => desk.upload(clients, UPLOADS_AT_ONCE, true))).tookMs / MEASURED_UPLOADS);
        await desk.discard();
      }
      return median(all);
    });
  }

  /** From the last share, or vector, to the stored model. */
  async #openMs(blobs: FileBlobStore, baseModelHash: string, plan: UnmaskPlan, sum: FoldedSum): Promise<number> {
    const header = readHeader(this.#header, this.#header.length + 4 * this.#config.vectorLength);
    const all: number[] = [];
    // The first one starts the threads, as a coordinator's first round does.
    for (let repeat = -1; repeat < REPEATS; repeat++) {
      const copy = new FoldedSum(this.#config);
      copy.add(0, sum.bytes);
      const masks = plan.masks.map(({ key, sign }) => ({ key: new SecretBytes(Uint8Array.from(key.expose())), sign }));
      const refuse = (error: Error) => {
        throw error;
      };
      const cohort = { plan: { survivors: plan.survivors, masks }, sum: async () => copy, refuse };
      const { tookMs } = await timed(() =>
        openModel({
          config: this.#config,
          round: 1,
          cohorts: [cohort],
          header,
          taskId: 'bench',
          strategy: { name: 'fedAvg', serverLearningRate: 1 },
          localSteps: 1,
          memberShare: async () => 1,
          trained: { mode: { kind: 'full' }, job: 'demand' },
          modelHash: baseModelHash,
          strategyStateHash: undefined,
          blobs,
          states: new StrategyStates(blobs),
          threads: this.#threads.coordinator,
        }),
      );
      if (repeat >= 0) all.push(tookMs);
    }
    return median(all);
  }
}

/** What both rounds have in common. */
interface Common {
  readonly modelBytes: number;
  readonly checkMs: number;
  readonly uploadMs: number;
}

/** Sizes of M3 and of a vector's header, which a round without masks would need too. */
interface Announcement {
  readonly startBytes: number;
  readonly headerBytes: number;
}

/** One node between M3 and the last byte of its vector. */
interface NodeWork {
  readonly index: number;
  readonly startBytes: number;
  /** As it goes on the wire. */
  readonly header: string;
  readonly startMs: number;
  readonly masksMs: number;
  readonly maskMs: number;
}

interface Round {
  readonly node: Share;
  /** What the round would gain if taking vectors cost the coordinator nothing. */
  readonly lineSpeedGainMs: number;
  readonly moments: Moments;
}

function effectOf<Type extends ClientEffect['type']>(effects: readonly ClientEffect[], type: Type) {
  const found = effects.find((effect): effect is Extract<ClientEffect, { type: Type }> => effect.type === type);
  if (found === undefined) throw new RangeError(`a node's reducer did not ask for "${type}"`);
  return found;
}

async function* parts(...all: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* all;
}

/** The same moments where the coordinator takes vectors as fast as the lines bring them. */
const atLineSpeed = ({ moments, lineSpeedGainMs }: Round): number => moments.modelStored! - lineSpeedGainMs;

function report(setup: Share, masked: Round, plain: Round): { cases: BenchCase[]; told: unknown } {
  const [withMasks, without] = [masked, plain].map(({ moments }) => moments.modelStored!) as [number, number];
  const ratio = withMasks / without;
  for (const [name, { moments }] of Object.entries({ 'with masks': masked, 'without masks': plain }))
    process.stderr.write(
      `critical path, ${name}: ${Object.entries(moments)
        .map(([moment, atMs]) => `${moment} ${atMs.toFixed(0)}`)
        .join(', ')} ms\n`,
    );
  const lineSpeed = atLineSpeed(masked) / atLineSpeed(plain);
  process.stderr.write(
    `critical path: ${ratio.toFixed(3)} of the round without masks (at most ${LIMIT}); ${lineSpeed.toFixed(3)} if taking vectors cost the coordinator nothing\n`,
  );
  const against = 'critical path, without masks';
  const share = (name: string, value: number, unit: string, other: number): BenchCase[] => [
    { name: `${name}, without masks`, value: other, unit },
    { name: `${name}, with masks`, value, unit, against: `${name}, without masks`, ratio: value / other },
  ];
  return {
    cases: [
      { name: against, value: without, unit: 'ms' },
      {
        name: 'critical path, with masks',
        value: withMasks,
        unit: 'ms',
        against,
        ratio,
        limit: LIMIT,
        pass: ratio <= LIMIT,
      },
      {
        name: 'critical path at line speed, with masks',
        value: atLineSpeed(masked),
        unit: 'ms',
        against: 'the same without masks',
        ratio: lineSpeed,
      },
      ...share('own processor time per client', masked.node.processorMs / 1000, 's', plain.node.processorMs / 1000),
      ...share('own bytes up per client', masked.node.bytesUp, 'B', plain.node.bytesUp),
      ...share('own bytes down per client', masked.node.bytesDown, 'B', plain.node.bytesDown),
      { name: 'set-up ahead of the round, processor time per client', value: setup.processorMs / 1000, unit: 's' },
      { name: 'set-up ahead of the round, bytes up per client', value: setup.bytesUp, unit: 'B' },
      { name: 'set-up ahead of the round, bytes down per client', value: setup.bytesDown, unit: 'B' },
    ],
    told: { momentsMs: { withMasks: masked.moments, withoutMasks: plain.moments } },
  };
}
