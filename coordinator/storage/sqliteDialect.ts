import { type Dialect, SqliteDialect } from 'kysely';
import Database from 'libsql';

/** Writes the log back into the database file and empties it. */
export const sqliteCheckpoint = 'PRAGMA wal_checkpoint(TRUNCATE)';

/** SQLite in one file through libsql: write-ahead log, every commit forced to disk. */
export function sqliteDialect(file: string): Dialect {
  return new SqliteDialect({
    database: async () => {
      const database = new Database(file);
      try {
        database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
      } catch (error) {
        database.close();
        throw error;
      }
      return database;
    },
  });
}
