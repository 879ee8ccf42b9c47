import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { byteLengthOf, FoldedSum } from '@hansa/aggregation/secagg/encoding';
import { leagueNowMs, type ReducerLeague } from '@hansa/aggregation/secagg/testing';
import type { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { decodeMessage, encodeMessage, type SetupMessageName } from '@hansa/shared/protocol/secagg';
import type { Journal } from '../../../../client-node/ledger/journal.ts';
import { maskToFile } from '../../../../client-node/session/localRound.ts';
import { PathNode } from './pathNode.ts';
import type { CommonMs, Pieces } from './pieces.ts';
import { arrival, LATENCY_MS, median, nothing, type Round, type Share, timed, total } from './timing.ts';
import { uploaded } from './uploaded.ts';

/** What a node has to itself. */
export interface NodeMachine {
  readonly folder: string;
  /** One core. */
  readonly threads: MaskThreads;
  readonly journal: Journal;
}

/** Sizes of M3 and of a vector's header, which a round without masks would need too. */
export interface Announcement {
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

/** OPEN to ACK: what each node does and sends, the median of all. */
export async function makeSetup(league: ReducerLeague): Promise<Share> {
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

/** A round from M3 to the stored model, by the league whose set-up is made. */
export async function maskedRound(
  league: ReducerLeague,
  pieces: Pieces,
  { checkMs, uploadMs }: CommonMs,
  machine: NodeMachine,
): Promise<Round & Announcement> {
  const { config, modelBytes, modelHash } = pieces;
  const nodes = new Map([...league.nodes].map(([index, node]) => [index, new PathNode(node, machine.journal)]));
  const started = await timed(() => league.tellServer({ type: 'startRound', round: 1, modelHash }));
  const sum = new FoldedSum(config);
  const work: NodeWork[] = [];
  for (const { to, name, wire } of league.toNodes.splice(0))
    work.push(await masksVector(nodes.get(to)!, name, wire, modelHash, sum, machine));
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
    const committed = await timed(() => league.tellServer({ type: 'vectorCommitted', index, byteLength, vectorHash }));
    committedMs.push(committed.tookMs);
  }
  const of = (piece: 'startMs' | 'masksMs' | 'maskMs') => median(work.map((one) => one[piece]));
  const startBytes = median(work.map((one) => one.startBytes));
  const headerBytes = median(work.map(({ header }) => header.length));
  const node: Share = {
    processorMs: of('startMs') + checkMs + of('masksMs') + of('maskMs'),
    bytesDown: startBytes + modelBytes,
    bytesUp: headerBytes + byteLengthOf(config),
  };
  const startHeard = arrival(started.tookMs, startBytes);
  const startChecked = startHeard + of('startMs');
  const masksMade = startChecked + of('masksMs');
  const modelChecked = arrival(startChecked + LATENCY_MS, modelBytes) + checkMs;
  const vectorMasked = Math.max(masksMade, modelChecked) + of('maskMs');
  const { takenMs, lineSpeedGainMs } = uploaded({
    config,
    clients: nodes.size,
    readyMs: vectorMasked,
    headerBytes,
    headersMs: total(headersMs),
    uploadMs,
  });
  const vectorsTaken = takenMs + total(committedMs);
  const survivorsSigned = await exchange(league, nodes, vectorsTaken, node);
  const sharesTaken = await exchange(league, nodes, survivorsSigned, node);
  const modelStored = sharesTaken + (await pieces.openMs(league.plan!, sum));
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
async function masksVector(
  path: PathNode,
  name: SetupMessageName,
  wire: string,
  modelHash: Uint8Array,
  sum: FoldedSum,
  { folder, threads }: NodeMachine,
): Promise<NodeWork> {
  const { index, contribution } = path.node;
  const { config } = contribution;
  const start = await path.receive(name, wire);
  const { plan } = start.effect('expandMasks');
  const maskSum = new Uint8Array(byteLengthOf(config));
  const masks = await timed(() =>
    threads.expand(config, [plan.self, ...plan.pairs], (at, part) => maskSum.set(part, at)),
  );
  const trained = await path.apply(() => ({ type: 'prepared', modelHash, nowMs: leagueNowMs }));
  const file = join(folder, 'masked');
  const mask = await timed(() => maskToFile(contribution, maskSum, file, new AbortController().signal));
  const masked = await path.apply(() => ({ type: 'maskedVector', ...mask.value, nowMs: leagueNowMs }));
  await path.apply(() => ({ type: 'vectorSent' }));
  sum.add(0, await readFile(file));
  return {
    index,
    startBytes: wire.length,
    header: JSON.stringify(encodeMessage('maskedInputHeader', masked.effect('upload').header)),
    startMs: start.tookMs,
    masksMs: masks.tookMs,
    maskMs: trained.tookMs + mask.tookMs + masked.tookMs,
  };
}

/** One request of the coordinator to all nodes and their answers, from `sentMs` until the coordinator can go on. */
async function exchange(
  league: ReducerLeague,
  nodes: ReadonlyMap<number, PathNode>,
  sentMs: number,
  node: Share,
): Promise<number> {
  const costs: number[] = [];
  const [down, up]: [number[], number[]] = [[], []];
  for (const { to, name, wire } of league.toNodes.splice(0)) {
    const step = await nodes.get(to)!.receive(name, wire);
    costs.push(step.tookMs);
    down.push(wire.length);
    const sent = step.effect('send');
    const answer = JSON.stringify(encodeMessage(sent.name, sent.message));
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
