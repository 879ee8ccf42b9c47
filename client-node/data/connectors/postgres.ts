import pg from 'pg';
import QueryStream from 'pg-query-stream';
import type { Row } from './rowsFile.ts';
import { serverFault } from './serverFault.ts';

const ROWS_AT_ONCE = 1000;
const CONNECT_MS = 20_000;
const signs = {
  unreachable: /^(28|ECONN|ENOTFOUND|ETIMEDOUT|EHOST|EAI_|57P)/,
  aboutTheQuery: /^(0A|25|3D|3F|42)/,
};

/** The rows of a query, in a transaction that can only read; every value as the server writes it, instants in UTC. @throws HansaError InvalidData, Unavailable */
export async function* postgresRows(
  url: string,
  name: string,
  query: string,
  signal?: AbortSignal,
): AsyncGenerator<Row> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'hansa-client',
    types: { getTypeParser: () => (text: string) => text } as never,
  });
  // A connection that breaks ends the query, which is where it is told.
  client.on('error', () => undefined);
  const abort = () => void client.end().catch(() => undefined);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await client.connect();
    await client.query("SET TIME ZONE 'UTC'");
    await client.query("SET datestyle = 'ISO'");
    await client.query('BEGIN READ ONLY');
    for await (const row of client.query(new QueryStream(query, [], { batchSize: ROWS_AT_ONCE }))) yield row as Row;
  } catch (error) {
    signal?.throwIfAborted();
    throw serverFault(error, name, signs);
  } finally {
    signal?.removeEventListener('abort', abort);
    await client.end().catch(() => undefined);
  }
}
