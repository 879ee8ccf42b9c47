import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { createLogger } from '@hansa/shared/log';
import { chooseEngine, measureEngine } from '../compute/index.ts';
import { type NodeConfig, readNodeConfig } from '../config/nodeConfig.ts';
import { checkData } from '../data/index.ts';
import { readIdentity } from '../ledger/identity.ts';
import { lockIdentity } from '../ledger/identityLock.ts';
import { nodeFolder, probeFolder } from '../ledger/nodeFolder.ts';
import { probeCoordinator, probeEnrolment } from '../session/probeCoordinator.ts';
import { assertSecureAddress } from '../session/transport/address.ts';
import type { CommandContext } from './context.ts';
import { count } from './output.ts';

/** A clock that is further off than this from the coordinator's can make set-ups look expired, or not yet begun. */
const LARGE_OFFSET_MS = 60_000;

interface Check {
  readonly name: string;
  readonly state: 'ok' | 'notice' | 'failed';
  /** What was found, and what to do where it is not as it should be. */
  readonly detail: string;
}

/** `doctor`: checks everything that `run` needs, and says of each what was found. */
export async function doctor(options: { config: string }, context: CommandContext): Promise<number> {
  const { output, signal } = context;
  const config = readNodeConfig(options.config);
  const checks: Check[] = [];
  const names = { ok: 'ok     ', notice: 'notice ', failed: 'FAILED ' };
  for (const { name, check } of plan(config, context)) {
    signal.throwIfAborted();
    const found = await check().catch((error: unknown): Omit<Check, 'name'> => {
      signal.throwIfAborted();
      if (!(error instanceof HansaError)) throw error;
      return { state: 'failed', detail: error.message };
    });
    checks.push({ name, ...found });
    output.line(`${names[found.state]}${name}: ${found.detail}`);
  }
  const failed = checks.filter((check) => check.state === 'failed').length;
  output.line('');
  output.line(failed === 0 ? 'This node is ready to run.' : `${failed} of ${checks.length} checks failed.`);
  output.document({ ready: failed === 0, checks });
  return failed === 0 ? 0 : 1;
}

type Found = Promise<Omit<Check, 'name'>>;

function plan(config: NodeConfig, context: CommandContext): { name: string; check: () => Found }[] {
  return [
    { name: 'machine', check: async () => ({ state: 'ok', detail: machine() }) },
    { name: 'engine', check: () => engine(config, context) },
    { name: 'folder', check: () => folder(config) },
    { name: 'data', check: () => data(config, context) },
    { name: 'coordinator', check: () => coordinator(config, context) },
    { name: 'enrolment', check: () => enrolment(config, context) },
  ];
}

function machine(): string {
  const gib = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${availableParallelism()} cores (${model}), ${gib(totalmem())} memory, ${gib(freemem())} free`;
}

async function engine(config: NodeConfig, { signal }: CommandContext): Found {
  const choice = await chooseEngine(config.training.engine, { signal });
  const stepMs =
    choice.measured.find(({ name }) => name === choice.name)?.stepMs ?? (await measureEngine(choice.name, signal));
  const parts = [
    `${choice.name} (${choice.reason})`,
    `A training step of the tiny model on 8 windows takes ${stepMs.toFixed(1)} ms`,
    ...(choice.better === undefined ? [] : [choice.better]),
  ];
  return { state: 'ok', detail: parts.join('. ') };
}

async function folder(config: NodeConfig): Found {
  await probeFolder(config.folder);
  return { state: 'ok', detail: `${config.folder} can be written to` };
}

async function data(config: NodeConfig, { signal }: CommandContext): Found {
  const scratchFolder = await mkdtemp(join(tmpdir(), 'hansa-doctor-'));
  try {
    const check = await checkData(config.data, config.baseFolder, { scratchFolder, signal });
    const detail = `${count(check.rows)} order lines, ${count(check.series)} series, ${count(check.windows.train)} windows to train on, ${count(check.windows.test)} to test on`;
    if (check.windows.train === 0) return { state: 'failed', detail: `${detail}: too little history before validFrom` };
    return { state: 'ok', detail };
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

async function coordinator(config: NodeConfig, { clock, signal }: CommandContext): Found {
  assertSecureAddress(config.coordinator, config.allowInsecure);
  const { clockOffsetMs } = await probeCoordinator(config.coordinator, clock, signal);
  if (clockOffsetMs === undefined) return { state: 'ok', detail: `${config.coordinator} answers` };
  const seconds = Math.abs(clockOffsetMs / 1000).toFixed(0);
  const direction = clockOffsetMs < 0 ? 'behind' : 'ahead of';
  if (Math.abs(clockOffsetMs) > LARGE_OFFSET_MS) {
    return {
      state: 'failed',
      detail: `${config.coordinator} answers, but this machine's clock is ${seconds} s ${direction} its clock: set the time (NTP)`,
    };
  }
  return {
    state: 'ok',
    detail: `${config.coordinator} answers; this machine's clock is ${seconds} s ${direction} its clock`,
  };
}

async function enrolment(config: NodeConfig, { clock, random, signal }: CommandContext): Found {
  const { identity: identityFile, lock: lockFile } = nodeFolder(config.folder);
  const identity = readIdentity(identityFile);
  try {
    const lock = tryLock(lockFile);
    // A second connection would push the running node off the line.
    if (lock === undefined)
      return {
        state: 'notice',
        detail: `enrolled as ${identity.clientId}; the node is running, so its connection was not tried`,
      };
    try {
      const log = createLogger('client-node', 'silent');
      await probeEnrolment(config.coordinator, identity, { clock, random, log }, signal);
      return {
        state: 'ok',
        detail: `enrolled as ${identity.clientId}; the coordinator knows this key and proved its own`,
      };
    } finally {
      lock.release();
    }
  } finally {
    identity.key.wipe();
  }
}

function tryLock(path: string): ReturnType<typeof lockIdentity> | undefined {
  try {
    return lockIdentity(path);
  } catch (error) {
    if (error instanceof HansaError && error.code === 'IdentityLocked') return undefined;
    throw error;
  }
}
