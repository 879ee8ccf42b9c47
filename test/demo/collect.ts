import { cpus } from 'node:os';
import type { RoundRecord, TaskFile } from '@hansa/shared/protocol';
import {
  againstLocalOnly,
  cleaningCounts,
  type Evaluation,
  followed,
  measuresOf,
  simpleWql,
  toUse,
} from './league/evaluation.ts';
import { readWords } from './league/exactness.ts';
import type { Node } from './league/league.ts';
import type { Pilot } from './league/pilots.ts';
import { keptUpdate, type Training } from './league/train.ts';
import type { DemoOptions } from './options.ts';
import type { MerchantReport, ReportData, RoundReport, SeenVector } from './report/data.ts';
import { ringHistogram, updateHistogram } from './report/histogram.ts';
import type { DemoResult, RoundResult } from './result.ts';

const histogramBins = 48;

/** Turns the ids of clients into the merchants that the demo gave them to. */
export type NameOf = (clientId: string) => string;

export function nameClients(nodes: readonly Node[]): NameOf {
  const names = new Map(nodes.map(({ clientId, merchant }) => [clientId, merchant.id]));
  return (clientId) => names.get(clientId) ?? clientId;
}

/** One round as the JSON tells it, members by merchant id. */
export function roundResult(record: RoundRecord, nameOf: NameOf): RoundResult {
  const { round, outcome, seconds, phaseSeconds, bytesUp, bytesDown } = record;
  const names = (clients: readonly string[]): string[] => clients.map(nameOf).sort();
  return {
    round,
    outcome,
    reason: record.reason ?? null,
    selected: names(record.selected),
    reported: names(record.reported),
    dropped: names(record.dropped),
    seconds,
    phaseSeconds,
    bytesUp,
    bytesDown,
    loss: record.loss ?? null,
  };
}

/** What the report says of a round beyond that. */
export function roundReport(
  record: RoundRecord,
  nameOf: NameOf,
  sumExact: boolean | undefined,
  killed: string | undefined,
): RoundReport {
  return {
    round: record.round,
    attempt: record.attempt,
    requiredSurvivors: record.requiredSurvivors,
    threshold: record.threshold,
    droppedIn: Object.fromEntries(Object.entries(record.droppedIn).map(([client, phase]) => [nameOf(client), phase])),
    rebuiltMasks: record.rebuiltMasks.map(({ client, shares, threshold, holders }) => ({
      merchant: nameOf(client),
      shares,
      threshold,
      holders,
    })),
    killed,
    sumExact,
  };
}

export interface Collected {
  readonly options: DemoOptions;
  readonly startedAt: string;
  readonly sourceTitle: string | undefined;
  readonly nodes: readonly Node[];
  readonly pilots: readonly Pilot[];
  readonly training: Training;
  readonly evaluations: readonly Evaluation[];
  readonly engine: { readonly name: string; readonly reason: string };
  readonly task: TaskFile;
  readonly model: ReportData['model'];
  readonly totalSeconds: number;
  readonly coordinatorPeakRssBytes: number | undefined;
  readonly versions: Readonly<Record<string, string>>;
  readonly command: string;
}

/** Puts everything that a run left behind into what the JSON and the report are written from. */
export function collect(run: Collected): ReportData {
  const { options, nodes, pilots, training, evaluations, engine } = run;
  const tasks = [...pilots.map((pilot) => pilot.training), training];
  const nameOf = nameClients(nodes);
  const committed = training.rounds.filter(({ outcome }) => outcome === 'committed');
  const result: DemoResult = {
    formatVersion: 1,
    seed: options.seed,
    engine: engine.name,
    totalSeconds: run.totalSeconds,
    coordinatorPeakRssBytes: run.coordinatorPeakRssBytes ?? null,
    sumExact: committed.length > 0 && tasks.every(isExact),
    pilots: pilots.map(({ learningRate, validationLoss }) => ({ learningRate, validationLoss })),
    rounds: training.rounds.map((record) => roundResult(record, nameOf)),
    merchants: nodes.map(({ merchant }, i) => {
      const evaluation = evaluations[i]!;
      const { rows, series, steps, wql, wape } = evaluation;
      return {
        id: merchant.id,
        rows,
        series,
        steps: steps.localOnly,
        wql: followed(wql),
        wape: followed(wape),
        simple: simpleWql(evaluation),
      };
    }),
  };
  return {
    result,
    startedAt: run.startedAt,
    source:
      options.data === undefined
        ? { kind: 'generated', world: options.world }
        : { kind: 'files', name: run.sourceTitle ?? options.data },
    merchants: nodes.map((node, i) =>
      merchantReport(
        node,
        evaluations[i]!,
        tasks.flatMap(({ rounds }) => rounds),
      ),
    ),
    rounds: training.rounds.map((record) =>
      roundReport(
        record,
        nameOf,
        training.exact.get(record.attempt),
        training.killed?.attempt === record.attempt ? training.killed.node.merchant.id : undefined,
      ),
    ),
    seen: seenVector(nodes, committed),
    engineReason: engine.reason,
    cores: cpus().length,
    model: run.model,
    task: run.task,
    fineTuneSteps: run.task.plan.evaluation.fineTuneSteps,
    versions: run.versions,
    command: run.command,
  };
}

/** Whether in every round that a task committed the unmasked sum is what the nodes kept. */
function isExact({ rounds, exact }: Training): boolean {
  return rounds.every(({ outcome, attempt }) => outcome !== 'committed' || exact.get(attempt) === true);
}

function merchantReport(
  { merchant, clientId }: Node,
  evaluation: Evaluation,
  rounds: readonly RoundRecord[],
): MerchantReport {
  return {
    id: merchant.id,
    wqlIntervals: evaluation.intervals,
    againstLocal: againstLocalOnly(evaluation),
    toUse: toUse(evaluation),
    measures: measuresOf(evaluation),
    learningRates: evaluation.learningRates,
    bytesSent: rounds.reduce((sum, { bytesUpByClient }) => sum + (bytesUpByClient[clientId] ?? 0), 0),
    cleaning: cleaningCounts(evaluation),
    forecast: evaluation.picture,
  };
}

/** The first committed round's vector of its first member that the demo has a folder of. */
function seenVector(nodes: readonly Node[], committed: readonly RoundRecord[]): SeenVector | undefined {
  const record = committed[0];
  const node = nodes.find(({ clientId }) => record?.reported.includes(clientId));
  if (record === undefined || node === undefined) return undefined;
  const masked = readWords(keptUpdate(node, record, true));
  return {
    merchant: node.merchant.id,
    round: record.round,
    numbers: masked.length,
    masked: ringHistogram(masked, histogramBins),
    unmasked: updateHistogram(readWords(keptUpdate(node, record)), histogramBins),
  };
}
