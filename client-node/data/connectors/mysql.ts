import { createConnection } from 'mysql2';
import type { Row } from './rowsFile.ts';
import { serverFault } from './serverFault.ts';

const CONNECT_MS = 20_000;
const signs = {
  unreachable: /^(ECONN|ENOTFOUND|ETIMEDOUT|EHOST|EAI_|PROTOCOL_|ER_ACCESS_DENIED|HANDSHAKE)/,
  aboutTheQuery:
    /^ER_(PARSE|BAD_FIELD|NO_SUCH_TABLE|BAD_DB|CANT_EXECUTE_IN_READ_ONLY|SYNTAX|TABLEACCESS|DBACCESS|UNKNOWN)/,
};

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
    throw serverFault(error, name, signs);
  } finally {
    signal?.removeEventListener('abort', abort);
    connection.destroy();
  }
}
