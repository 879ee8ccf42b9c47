import { HansaError } from '@hansa/shared/errors';
import { dataFault } from '../dataFault.ts';

/** What a server's errors are told by. */
interface Signs {
  /** Codes of a server that cannot be reached or lets nobody in. */
  readonly unreachable: RegExp;
  /** Codes whose messages speak of the query; those of others may hold what is in the tables. */
  readonly aboutTheQuery: RegExp;
}

/** A database driver's error in words, without its own where they may hold values. */
export function serverFault(error: unknown, name: string, { unreachable, aboutTheQuery }: Signs): unknown {
  if (error instanceof HansaError || !(error instanceof Error)) return error;
  const code = (error as { code?: string }).code ?? '';
  // Drivers give no code where a connection ends or its handshake fails.
  if (unreachable.test(code) || (code === '' && /timeout|terminated|SSL|SASL|password/i.test(error.message))) {
    return new HansaError(
      'Unavailable',
      `${name} does not answer (${code || error.message.slice(0, 80)}). Check the address, the account and its password in the environment variable.`,
    );
  }
  return dataFault(
    aboutTheQuery.test(code)
      ? `${name}: the query cannot be carried out: ${error.message}`
      : `${name}: the query failed (${code || 'without a code'}). Run it in a client of the database to see why.`,
  );
}
