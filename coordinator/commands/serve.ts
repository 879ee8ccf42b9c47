import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createSecureContext } from 'node:tls';
import { readJsonFile } from '@hansa/shared/config';
import { HansaError } from '@hansa/shared/errors';
import { createLogger, type LogLevel } from '@hansa/shared/log';
import type { TlsFiles } from '../http/createApp.ts';
import { startCoordinator } from '../startCoordinator.ts';
import { facts, type Output } from './output.ts';
import { serveConfigSchema } from './serveConfig.ts';

export interface ServeOptions {
  readonly data: string;
  readonly host?: string;
  readonly port?: number;
  readonly config?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly logLevel: LogLevel;
}

/** `serve`: runs until a signal comes; `dataArgument` is what the other commands need to find it. Resolves to the exit status: 0 after SIGTERM, 130 after SIGINT. */
export async function serve(options: ServeOptions, output: Output, dataArgument: string): Promise<number> {
  // Keys, tokens and merchants' names are the owner's alone.
  process.umask(0o077);
  const config = options.config === undefined ? {} : readJsonFile(options.config, serveConfigSchema, 'Config file');
  const host = options.host ?? config.host ?? '127.0.0.1';
  // Empty, it would mean every interface.
  if (host.trim() === '') throw new HansaError('InvalidArgument', '--host is empty; leave it out for 127.0.0.1.');
  const port = options.port ?? config.port ?? 8470;
  const tls = readTls(options, config.tls);
  const log = createLogger('coordinator', options.logLevel);
  // Installed first: Ctrl-C while starting is a stop like any other.
  const signal = nextSignal();
  const coordinator = await startCoordinator({
    dataFolder: options.data,
    host,
    port,
    log,
    ...(tls !== undefined && { tls }),
    ...(config.reconnectGraceMs !== undefined && { reconnectGraceMs: config.reconnectGraceMs }),
    ...(config.approvalsByMembers !== undefined && { approvalsByMembers: config.approvalsByMembers }),
  });
  if (tls === undefined && !isLoopback(host)) {
    output.note(
      `Warning: listening on ${host} without TLS. Updates stay masked, but anyone on the way can read who takes part and steal a join token. Use --tls-cert and --tls-key, or a proxy that speaks https.`,
    );
  }
  const { address, dataFolder, federation, fingerprint } = coordinator;
  const metrics = `${address}/metrics`;
  output.answer({ address, metrics, dataFolder, federation, fingerprint }, () => [
    'Hansa coordinator is ready.',
    ...facts({ address, metrics, data: dataFolder, federation, fingerprint }),
    `Next, on the admin's machine: hansa-coordinator enrol token${dataArgument} --approver FILE --label NAME; stop with Ctrl-C.`,
  ]);
  const name = await signal;
  output.note(name === 'SIGINT' ? 'Stopping; press Ctrl-C again to end at once.' : 'Stopping.');
  process.once('SIGINT', () => process.exit(130));
  await coordinator.close();
  return name === 'SIGINT' ? 130 : 0;
}

function nextSignal(): Promise<'SIGINT' | 'SIGTERM'> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve(name));
  });
}

function readTls(options: ServeOptions, fromFile: { cert: string; key: string } | undefined): TlsFiles | undefined {
  const base = options.config === undefined ? '.' : path.dirname(options.config);
  const cert = options.tlsCert ?? (fromFile && path.resolve(base, fromFile.cert));
  const key = options.tlsKey ?? (fromFile && path.resolve(base, fromFile.key));
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new HansaError('InvalidArgument', 'TLS needs both a certificate and its key: give --tls-cert and --tls-key.');
  }
  const files = { cert: readPem(cert), key: readPem(key) };
  try {
    createSecureContext({ cert: Buffer.from(files.cert), key: Buffer.from(files.key) });
  } catch (error) {
    throw new HansaError(
      'InvalidArgument',
      `${cert} and ${key} are no certificate and its key in PEM: ${(error as Error).message}.`,
      {},
      { cause: error },
    );
  }
  return files;
}

function readPem(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new HansaError(
      'InvalidArgument',
      `${file} cannot be read: ${(error as Error).message}.`,
      {},
      { cause: error },
    );
  }
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host);
