import { randomUUID, X509Certificate } from 'node:crypto';
import { once as nextEvent } from 'node:events';
import { rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { MaskThreads } from '@hansa/aggregation/secagg/threads';
import { type Clock, systemClock } from '@hansa/shared/clock';
import { fingerprintOf } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';
import { writeFileWhole } from '@hansa/shared/files';
import type { Logger } from '@hansa/shared/log';
import { usualMemberApprovals } from '@hansa/shared/protocol/secagg';
import { type RandomSource, systemRandom } from '@hansa/shared/random';
import { ADMIN_FILE } from './auth/adminFile.ts';
import { BearerToken } from './auth/bearerToken.ts';
import { FailureLimit } from './auth/failureLimit.ts';
import { loadIdentity } from './auth/identity.ts';
import { NodeSessions } from './auth/nodeSessions.ts';
import { Rosters } from './clients/rosters.ts';
import { adminRoutes } from './http/adminRoutes.ts';
import { approvalRoutes } from './http/approvalRoutes.ts';
import { bandwidthRoutes } from './http/bandwidthRoutes.ts';
import { blobRoutes } from './http/blobRoutes.ts';
import { createApp, type TlsFiles } from './http/createApp.ts';
import { enrolmentRoutes } from './http/enrolmentRoutes.ts';
import { healthRoutes } from './http/healthRoutes.ts';
import { Uploads } from './http/uploads/uploads.ts';
import { createMetrics } from './metrics/createMetrics.ts';
import { ByteLedger } from './round/byteLedger.ts';
import { Rounds } from './round/rounds.ts';
import { NodeGateway } from './socket/nodeGateway.ts';
import { type DataFolder, openDataFolder } from './storage/dataFolder.ts';
import { isStorageFull } from './storage/faults.ts';
import { FileBlobStore } from './storage/fileBlobStore.ts';
import { sqliteCheckpoint, sqliteDialect } from './storage/sqliteDialect.ts';
import { SqlStateStore } from './storage/sqlStateStore.ts';
import { StrategyStates } from './storage/strategyStates.ts';
import { version } from './version.ts';

export interface CoordinatorOptions {
  readonly dataFolder: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly log: Logger;
  readonly tls?: TlsFiles;
  /** How long a member of a round may be gone before the round goes on without it; 10 s by default. */
  readonly reconnectGraceMs?: number;
  /** How many members must have approved a newcomer where members approve each other; 2 by default. */
  readonly approvalsByMembers?: number;
  readonly clock?: Clock;
  readonly random?: RandomSource;
}

export interface Coordinator {
  /** http(s)://HOST:PORT */
  readonly address: string;
  readonly dataFolder: string;
  readonly federation: string;
  /** SHA-256 of the coordinator's public key. */
  readonly fingerprint: string;
  /** For the admin's API; also in admin.json. */
  readonly adminToken: string;
  /** Abandons the round in progress, closes all connections and the store. May be called again. */
  close(): Promise<void>;
}

/**
 * A coordinator in this process: builds all of its parts and listens.
 *
 * @throws HansaError DataFolderUnusable, DataFolderInUse, PortInUse, InvalidArgument (an address that is not this machine's)
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  // Before anything is made: a taken port leaves no folder behind.
  await assertPortFree(options);
  const folder = await openDataFolder(options.dataFolder);
  // Undone in reverse order, whether starting fails half-way or the coordinator is closed.
  const undo: (() => void | Promise<void>)[] = [() => folder.release()];
  const close = once(async () => {
    const faults: unknown[] = [];
    for (const step of undo.reverse())
      await Promise.resolve()
        .then(step)
        .catch((error: unknown) => faults.push(error));
    if (faults.length > 0) throw faults[0];
  });
  try {
    return await build(options, folder, undo, close);
  } catch (error) {
    await close().catch((fault: unknown) => options.log.warn({ err: fault }, 'could not undo a failed start'));
    throw isStorageFull(error) ? folderFull(folder, error) : error;
  }
}

async function build(
  options: CoordinatorOptions,
  folder: DataFolder,
  undo: (() => void | Promise<void>)[],
  close: () => Promise<void>,
): Promise<Coordinator> {
  const { log, clock = systemClock, random = systemRandom } = options;
  const identity = await loadIdentity(folder, random);
  undo.push(() => identity.wipe());
  const store = await openStore(folder.file('hansa.db'));
  undo.push(() => store.close());
  const blobs = await FileBlobStore.open(folder.file('blobs'));
  const states = new StrategyStates(await FileBlobStore.open(folder.file('states'), "a strategy's state"));
  await states.sweep(await store.tasks());
  const federation = await store.federation(randomUUID());
  const metrics = createMetrics(version);
  const bytes = new ByteLedger(metrics);
  const sessions = new NodeSessions(federation);
  const failures = new FailureLimit(clock);
  const adminToken = Buffer.from(random.bytes(32)).toString('base64url');
  const auth = { sessions, admin: new BearerToken(adminToken), failures, metrics };
  const common = { ...auth, federation, identity, store, blobs, bytes, random, clock, log };
  const rosters = await Rosters.open({
    ...common,
    approvalsByMembers: options.approvalsByMembers ?? usualMemberApprovals,
  });
  const uploads = await Uploads.open(folder.file('spool'), common);
  const threads = new MaskThreads();
  undo.push(() => threads.close());
  const gateway = new NodeGateway(common);
  const rounds = await Rounds.open({
    ...common,
    rosters,
    states,
    uploads,
    threads,
    connections: gateway,
    reconnectGraceMs: options.reconnectGraceMs ?? 10_000,
  });

  let draining = false;
  const countClients = async () => metrics.clientsRegistered.set({ state: 'active' }, (await store.clients()).length);
  const app = createApp({ log, metrics, ...(options.tls !== undefined && { tls: options.tls }) });
  undo.push(() => app.close());
  healthRoutes(app, {
    metrics,
    clock,
    assertReady: async () => {
      if (draining) throw new HansaError('Unavailable', 'The coordinator is stopping.');
      await store.assertUsable();
      await blobs.assertWritable();
    },
  });
  enrolmentRoutes(app, { ...common, enrolled: () => void countClients() });
  approvalRoutes(app, { ...common, rosters });
  blobRoutes(app, { ...common, states });
  bandwidthRoutes(app, common);
  uploads.routes(app);
  adminRoutes(app, {
    ...common,
    rounds,
    rosters,
    version,
    startedAtMs: clock.now(),
    connected: () => gateway.connected(),
  });
  await countClients();
  gateway.attach(app.server, rounds);
  undo.push(async () => {
    draining = true;
    gateway.drain();
    await rounds.stop();
    await gateway.close();
  });
  await listen(app, options);
  const address = addressOf(app.server.address() as AddressInfo, options);
  const adminFile = folder.file(ADMIN_FILE);
  undo.push(() => rmSync(adminFile, { force: true }));
  await writeFileWhole(
    adminFile,
    [`${JSON.stringify({ address, token: adminToken, ...(options.tls && { certificate: leafOf(options.tls) }) })}\n`],
    0o600,
  );
  log.info({ address, federation }, 'coordinator listens');
  return {
    address,
    dataFolder: folder.path,
    federation,
    fingerprint: fingerprintOf(identity.publicKey),
    adminToken,
    close,
  };
}

async function assertPortFree({ host, port }: CoordinatorOptions): Promise<void> {
  if (port === 0) return;
  const probe = createServer();
  await orExplain(host, port, async () => {
    probe.listen(port, host);
    await nextEvent(probe, 'listening');
  });
  await new Promise((resolve) => probe.close(resolve));
}

const listen = (app: ReturnType<typeof createApp>, { host, port }: CoordinatorOptions): Promise<unknown> =>
  orExplain(host, port, () => app.listen({ host, port }));

async function orExplain(host: string, port: number, listening: () => Promise<unknown>): Promise<void> {
  try {
    await listening();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new HansaError(
        'PortInUse',
        `Port ${port} on ${host} is taken by another program. Choose another with --port (0 takes any free one).`,
      );
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EACCES') {
      throw new HansaError('InvalidArgument', `Cannot listen on ${host}, port ${port}: ${(error as Error).message}.`);
    }
    throw error;
  }
}

/** An address that works from this machine: a wildcard becomes the loopback. */
function addressOf(bound: AddressInfo, { host, tls }: CoordinatorOptions): string {
  const wildcard: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  const name = wildcard[bound.address] ?? (host === 'localhost' ? host : bound.address);
  return `${tls === undefined ? 'http' : 'https'}://${name.includes(':') ? `[${name}]` : name}:${bound.port}`;
}

/** The certificate that is served, without its chain: what the admin's commands on this machine trust. */
const leafOf = ({ cert }: TlsFiles): string => new X509Certificate(cert).toString();

async function openStore(file: string): Promise<SqlStateStore> {
  try {
    return await SqlStateStore.open(sqliteDialect(file), sqliteCheckpoint);
  } catch (error) {
    if (isStorageFull(error)) throw error;
    throw new HansaError(
      'DataFolderUnusable',
      `The database ${file} cannot be opened: ${(error as Error).message}. It is damaged, or from a newer release; restore it from a backup, or choose another folder with --data.`,
      {},
      { cause: error },
    );
  }
}

function folderFull(folder: DataFolder, cause: unknown): HansaError {
  return new HansaError(
    'DataFolderUnusable',
    `The data folder ${folder.path} cannot be used: its disk is full. Free some space, or choose another with --data.`,
    {},
    { cause },
  );
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work();
    return running;
  };
}
