import Database from 'libsql';
import { dataFault } from '../dataFault.ts';
import type { Row } from './rowsFile.ts';

/** The rows of a query over a SQLite file, which is opened for reading alone. @throws HansaError InvalidData */
export async function* sqliteRows(path: string, name: string, query: string): AsyncGenerator<Row> {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { readonly: true });
    const statement = database.prepare(query);
    if (!statement.reader) throw dataFault(`${name}: the query gives no rows. Write a SELECT.`);
    for (const row of statement.iterate()) yield row as Row;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === undefined || !code.startsWith('SQLITE')) throw error;
    throw code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT'
      ? dataFault(`${name} is no SQLite file, or a damaged one. Export or copy it again.`)
      : dataFault(`${name}: the query cannot be carried out: ${message}`);
  } finally {
    database?.close();
  }
}
