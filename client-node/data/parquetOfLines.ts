import { quotedString } from '@duckdb/node-api';
import { openDatabase } from './database.ts';

/** A table to be made of a file of JSON lines. */
interface TableOfLines {
  /** The file of JSON lines. */
  readonly from: string;
  /** SQL types of the lines' keys, by key. */
  readonly types: Readonly<Record<string, string>>;
  /** SQL of the columns that the table has. */
  readonly select: readonly string[];
  /** Where the Parquet file goes; it must not exist. */
  readonly to: string;
  readonly scratchFolder: string;
}

/** Writes a table of JSON lines as Parquet. @throws HansaError StorageFull */
export async function parquetOfLines({ from, types, select, to, scratchFolder }: TableOfLines): Promise<void> {
  const columns = Object.entries(types).map(([key, type]) => `"${key}": ${quotedString(type)}`);
  const database = await openDatabase([from, to], { scratchFolder });
  try {
    await database.run(
      `COPY (SELECT ${select.join(', ')} FROM read_ndjson(${quotedString(from)}, columns = {${columns.join(', ')}}))
       TO ${quotedString(to)} (FORMAT parquet, COMPRESSION zstd)`,
    );
  } finally {
    await database.close();
  }
}
