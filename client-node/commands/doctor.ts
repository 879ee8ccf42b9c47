import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { describeClockOffset, LARGE_CLOCK_OFFSET_MS } from '@hansa/shared/clock';
import { HansaError } from '@hansa/shared/errors';
import { createLogger } from '@hansa/shared/log';
import type { JobName } from '@hansa/shared/model';
import {
  chooseEngine,
  type Device,
  describeTimes,
  type EngineName,
  engineNames,
  engineRemedies,
  freeMemoryBytes,
  measureEngine,
  missingPart,
  type StepTimes,
} from '../compute/index.ts';
import { type NodeConfig, readNodeConfig } from '../config/nodeConfig.ts';
import type { JobDataConfig } from '../jobs/job.ts';
import { jobSource } from '../jobs/sources.ts';
import { readIdentity } from '../ledger/identity.ts';
import { lockIdentity } from '../ledger/identityLock.ts';
import { nodeFolder, probeFolder } from '../ledger/nodeFolder.ts';
import { probeEnrolment } from '../session/probeEnrolment.ts';
import { assertSecureAddress } from '../session/transport/address.ts';
import type { Bandwidth } from '../session/transport/measureConnection.ts';
import { proxyFor } from '../session/transport/outgoingProxy.ts';
import { probeCoordinator } from '../session/transport/probeCoordinator.ts';
import { FORECAST_BATCH, FORECAST_STEPS, forecastTraining, type SizeForecast } from '../trainer/index.ts';
import type { CommandContext } from './context.ts';

interface Check {
  readonly name: string;
  readonly state: 'ok' | 'notice' | 'failed';
  /** What was found, and what to do where something is wrong. */
  readonly detail: string;
}

/** A check's findings, for programs and for later checks. */
interface Findings {
  engine?: EngineName;
  engines?: readonly EngineFinding[];
  memory?: { readonly totalBytes: number; readonly freeBytes: number };
  clockOffsetMs?: number;
  bandwidth?: Bandwidth;
  forecast?: readonly ForecastRow[];
}

type ForecastRow = SizeForecast & { readonly job: JobName; readonly transferSeconds?: number };

/** With the times of its training steps where they were measured. */
interface EngineFinding extends Partial<StepTimes> {
  readonly name: EngineName;
  readonly state: 'chosen' | 'here' | 'unusable';
  /** What it computes on; undefined where it was not measured. */
  readonly device?: Device;
  readonly reason?: string;
  readonly remedy?: string;
}

/** `doctor`: checks everything that `run` needs, and reports each finding. */
export async function doctor(options: { config: string }, context: CommandContext): Promise<number> {
  const { output, signal } = context;
  const config = readNodeConfig(options.config);
  const checks: Check[] = [];
  const findings: Findings = {};
  const names = { ok: 'ok     ', notice: 'notice ', failed: 'FAILED ' };
  let hasFailed = false;
  for (const { name, check } of plan(config, context, findings, () => hasFailed)) {
    signal.throwIfAborted();
    const found: Awaited<Found> = await check().catch((error: unknown) => {
      signal.throwIfAborted();
      if (!(error instanceof HansaError)) throw error;
      return { state: 'failed' as const, detail: error.message };
    });
    checks.push({ name, state: found.state, detail: found.detail });
    hasFailed ||= found.state === 'failed';
    output.line(`${names[found.state]}${name}: ${found.detail}`);
    for (const line of found.lines ?? []) output.line(`         ${line}`);
  }
  const failed = checks.filter((check) => check.state === 'failed').length;
  output.line('');
  output.line(failed === 0 ? 'This node is ready to run.' : `${failed} of ${checks.length} checks failed.`);
  output.document({ ready: failed === 0, checks, ...findings });
  return failed === 0 ? 0 : 1;
}

/** What was found; `lines` are only for people, since programs have the findings. */
type Found = Promise<Omit<Check, 'name'> & { readonly lines?: readonly string[] }>;

function plan(
  config: NodeConfig,
  context: CommandContext,
  findings: Findings,
  hasFailed: () => boolean,
): { name: string; check: () => Found }[] {
  return [
    { name: 'machine', check: () => machine(findings) },
    { name: 'engine', check: () => engine(config, context, findings) },
    { name: 'folder', check: () => folder(config) },
    ...config.data.map((entry) => ({
      name: config.data.length === 1 ? 'data' : `data for ${entry.job}`,
      check: () => data(entry, config, context),
    })),
    { name: 'coordinator', check: () => coordinator(config, context, findings) },
    { name: 'enrolment', check: () => enrolment(config, context, findings) },
    {
      name: 'forecast',
      check: async () =>
        hasFailed() ? { state: 'notice', detail: 'not made while a check fails' } : forecast(config, context, findings),
    },
  ];
}

async function machine(findings: Findings): Found {
  const gib = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  findings.memory = { totalBytes: totalmem(), freeBytes: freemem() };
  return {
    state: 'ok',
    detail: `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${availableParallelism()} cores (${model}), ${gib(totalmem())} memory, ${gib(freemem())} free`,
  };
}

async function engine(config: NodeConfig, { signal }: CommandContext, findings: Findings): Found {
  const { name, reason, passedOver, measured } = await chooseEngine(config.training.engine, { signal });
  findings.engine = name;
  const measurementOf = (of: EngineName) => measured.find((one) => one.name === of);
  const { name: _, ...measurement } = measurementOf(name) ?? { name, ...(await measureEngine(name, { signal })) };
  const engines = engineNames.map((one): EngineFinding => {
    if (one === name) return { name, state: 'chosen', ...measurement };
    const obstacle = passedOver.find((entry) => entry.name === one)?.reason ?? missingPart(one);
    if (obstacle !== undefined) return { name: one, state: 'unusable', reason: obstacle, remedy: engineRemedies[one] };
    return { ...measurementOf(one), name: one, state: 'here' };
  });
  findings.engines = engines;
  const told = engines.map(({ name, state, tinyStepMs, smallStepMs, device, reason, remedy }) => {
    const steps =
      tinyStepMs === undefined ? 'not measured' : `on the ${device}, ${describeTimes({ tinyStepMs, smallStepMs })}`;
    const words =
      state === 'unusable'
        ? `not usable: ${reason}. Remedy: ${remedy}`
        : `${state === 'chosen' ? 'chosen' : 'is here'}, ${steps}`;
    return `${name.padEnd(13)} ${words}`;
  });
  const why =
    config.training.engine !== 'auto'
      ? reason
      : measured.length > 1
        ? 'the fastest that works here'
        : 'the first that works here';
  return {
    state: 'ok',
    detail: `${name} on the ${measurement.device} (${why}): ${describeTimes(measurement)}`,
    lines: told,
  };
}

async function folder(config: NodeConfig): Found {
  await probeFolder(config.folder);
  return { state: 'ok', detail: `${config.folder} can be written to` };
}

async function data(entry: JobDataConfig, config: NodeConfig, { signal }: CommandContext): Found {
  const scratchFolder = await mkdtemp(join(tmpdir(), 'hansa-doctor-'));
  try {
    const { train, report } = await jobSource(entry.job).load(entry, config.baseFolder, { scratchFolder, signal });
    const detail = report.summary.join('; ');
    if (train.count === 0) return { state: 'failed', detail: `${detail}: too little history before validFrom` };
    const warnings = report.findings.filter(({ kind }) => kind === 'warning').map(({ sentence }) => sentence);
    if (warnings.length > 0) return { state: 'notice', detail, lines: [...warnings, 'See `hansa-client check-data`.'] };
    return { state: 'ok', detail };
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

async function coordinator(config: NodeConfig, { clock, signal }: CommandContext, findings: Findings): Found {
  assertSecureAddress(config.coordinator, config.allowInsecure);
  const proxy = proxyFor(config.coordinator);
  const answers = `${config.coordinator} answers${proxy === undefined ? '' : ` through the proxy ${proxy.host}`}`;
  const { clockOffsetMs } = await probeCoordinator(config.coordinator, clock, signal);
  if (clockOffsetMs === undefined) return { state: 'ok', detail: answers };
  findings.clockOffsetMs = clockOffsetMs;
  const offset = describeClockOffset(clockOffsetMs);
  if (Math.abs(clockOffsetMs) > LARGE_CLOCK_OFFSET_MS) {
    return {
      state: 'failed',
      detail: `${answers}, but this machine's clock is ${offset}: set the time (NTP)`,
    };
  }
  return { state: 'ok', detail: `${answers}; this machine's clock is ${offset}` };
}

async function enrolment(config: NodeConfig, { clock, random, signal }: CommandContext, findings: Findings): Found {
  const { identity: identityFile, lock: lockFile } = nodeFolder(config.folder);
  const identity = readIdentity(identityFile);
  try {
    const lock = tryLock(lockFile);
    // A second connection would displace that of the running node.
    if (lock === undefined)
      return {
        state: 'notice',
        detail: `enrolled as ${identity.clientId}; the node is running, so its connection was not tried`,
      };
    try {
      const log = createLogger('client-node', 'silent');
      const bandwidth = await probeEnrolment(config.coordinator, identity, { clock, random, log }, signal);
      if (bandwidth !== undefined) findings.bandwidth = bandwidth;
      const mbits = (bits: number) => `${(bits / 1e6).toFixed(1)} Mbit/s`;
      const line =
        bandwidth === undefined
          ? 'it offers no measurement of the bandwidth'
          : `bandwidth ${mbits(bandwidth.upBitsPerSecond)} up, ${mbits(bandwidth.downBitsPerSecond)} down`;
      return {
        state: 'ok',
        detail: `enrolled as ${identity.clientId}; the coordinator knows this key and proved its own; ${line}`,
      };
    } finally {
      lock.release();
    }
  } finally {
    identity.key.wipe();
  }
}

/** How long a round takes here for each size of the model: training, and, where the bandwidth was measured, model down and update up. */
async function forecast(config: NodeConfig, { output, signal }: CommandContext, findings: Findings): Found {
  const { engine, bandwidth } = findings;
  if (engine === undefined) throw new RangeError('the engine must be chosen before the forecast');
  const rows: ForecastRow[] = [];
  for (const { job } of config.data) {
    const sizes = await forecastTraining(engine, job, {
      maxMemoryBytes: config.training.maxMemoryBytes,
      freeBytes: freeMemoryBytes(),
      signal,
      onSize: (size) => output.note(`measuring steps of the ${size} model for ${job}`),
    });
    for (const row of sizes) {
      const bits = row.parameters * 32;
      rows.push({
        job,
        ...row,
        ...(bandwidth && { transferSeconds: bits / bandwidth.upBitsPerSecond + bits / bandwidth.downBitsPerSecond }),
      });
    }
  }
  findings.forecast = rows;
  const nameOf = ({ job, size }: ForecastRow) => (config.data.length === 1 ? size : `${job}, ${size}`);
  const lines = rows.map((row) => {
    const { measured, roundSeconds, peakMemoryBytes, transferSeconds, doesNotFit } = row;
    const name = nameOf(row).padEnd(6);
    if (doesNotFit !== undefined) return `${name} does not fit: ${doesNotFit}`;
    const time = duration(roundSeconds);
    const transfer = transferSeconds === undefined ? '' : `, ${duration(transferSeconds)} model down and update up`;
    const memory = `${(peakMemoryBytes / 1e9).toFixed(1)} GB of memory`;
    return `${name} ${time} training${transfer}, ${memory}${measured ? '' : ' (estimated from the size before)'}`;
  });
  const unfit = rows.filter(({ doesNotFit }) => doesNotFit !== undefined).map(nameOf);
  const round = `a round of ${FORECAST_STEPS} steps of ${FORECAST_BATCH} examples, everything trained, on ${engine}`;
  return unfit.length === 0
    ? { state: 'ok', detail: round, lines }
    : { state: 'notice', detail: `${round}; does not fit on this machine: ${unfit.join(', ')}`, lines };
}

const duration = (seconds: number): string =>
  seconds < 10
    ? `${seconds.toFixed(1)} s`
    : seconds < 120
      ? `${seconds.toFixed(0)} s`
      : `${(seconds / 60).toFixed(0)} min`;

function tryLock(path: string): ReturnType<typeof lockIdentity> | undefined {
  try {
    return lockIdentity(path);
  } catch (error) {
    if (error instanceof HansaError && error.code === 'IdentityLocked') return undefined;
    throw error;
  }
}
