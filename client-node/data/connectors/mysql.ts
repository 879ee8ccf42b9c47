import { HansaError } from '@hansa/shared/errors';
import { createConnection } from 'mysql2';
import { dataFault } from '../dataFault.ts';
import type { Row } from './rowsFile.ts';

const CONNECT_MS = 20_000;
/** Errors whose messages speak of the query and not of what is in the tables. */
const ABOUT_THE_QUERY =
  /^ER_(PARSE|BAD_FIELD|NO_SUCH_TABLE|BAD_DB|CANT_EXECUTE_IN_READ_ONLY|SYNTAX|TABLEACCESS|DBACCESS|UNKNOWN)/;

/** The rows of a query, in a transaction that can only read; dates as the server writes them, instants in UTC. @throws HansaError InvalidData, Unavailable */
export async function* mysqlRows(url: string, name: string, query: string, signal?: AbortSignal): AsyncGenerator<Row> {
  const connection = createConnection({
    uri: url,
    connectTimeout: CONNECT_MS,
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    multipleStatements: false,
  });
  // A connection that breaks ends the query, which is where it is told.
  connection.on('error', () => undefined);
  const abort = () => connection.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await connection.promise().query("SET time_zone = '+00:00'");
    await connection.promise().query('START TRANSACTION READ ONLY');
    for await (const row of connection.query(query).stream({ highWaterMark: 1000 })) yield row as Row;
  } catch (error) {
    signal?.throwIfAborted();
    throw explain(error, name);
  } finally {
    signal?.removeEventListener('abort', abort);
    connection.destroy();
  }
}

function explain(error: unknown, name: string): unknown {
  if (error instanceof HansaError || !(error instanceof Error)) return error;
  const code = (error as { code?: string }).code ?? '';
  if (/^(ECONN|ENOTFOUND|ETIMEDOUT|EHOST|EAI_|PROTOCOL_|ER_ACCESS_DENIED|HANDSHAKE)/.test(code))
    return new HansaError(
      'Unavailable',
      `${name} does not answer (${code}). Check the address, the account and its password in the environment variable.`,
    );
  return dataFault(
    ABOUT_THE_QUERY.test(code)
      ? `${name}: the query cannot be carried out: ${error.message}`
      : `${name}: the query failed (${code || 'without a code'}). Run it in a client of the database to see why.`,
  );
}
