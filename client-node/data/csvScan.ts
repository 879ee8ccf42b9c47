import { createReadStream } from 'node:fs';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { HansaError } from '@hansa/shared/errors';
import { dataFault, shorten } from './dataFault.ts';

/** Longest line of a CSV file, in bytes. */
export const MAX_LINE_BYTES = 1024 * 1024;
const MAX_COLUMNS = 2000;
const CHUNK_BYTES = 1024 * 1024;
const DELIMITERS = [',', ';', '\t', '|'];
const QUOTE = 0x22;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = '\uFEFF';

/** What a whole pass over a CSV file found. */
export interface CsvScan {
  /** Column names in order, trimmed. */
  readonly header: readonly string[];
  readonly delimiter: string;
  /** Data rows, blank lines not counted. */
  readonly rows: number;
}

export interface CsvScanOptions {
  /** How messages call the file. */
  readonly name: string;
  readonly gzip: boolean;
  /** Columns that help to tell the delimiter. */
  readonly wanted: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a CSV file once from end to end and checks its form: UTF-8 text, quotes that close, the header's number of fields in every row, no row
 * above 1 MiB. Memory does not grow with the file or its rows.
 *
 * The database's own parallel reader can stop without a word at a line that is too long; this pass makes such a file an error.
 *
 * @throws HansaError InvalidData (with the line where there is one)
 */
export async function scanCsv(path: string, options: CsvScanOptions): Promise<CsvScan> {
  const { name, gzip, wanted, signal } = options;
  const source = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  const bytes = gzip ? new PassThrough({ highWaterMark: CHUNK_BYTES }) : source;
  // A failure of the pipeline destroys `bytes`, where the loop below meets it.
  if (gzip) pipeline(source, createGunzip({ chunkSize: CHUNK_BYTES }), bytes as PassThrough).catch(() => undefined);

  const text = new Utf8Check(name);
  let head: Buffer = Buffer.alloc(0);
  let opened: { header: string[]; delimiter: string; rows: RowScanner } | undefined;
  const open = (end: number) => {
    const { header, delimiter } = parseHeader(head.toString('utf8', 0, end), name, wanted);
    opened = { header, delimiter, rows: new RowScanner(name, delimiter.charCodeAt(0), header.length) };
    opened.rows.push(head);
    head = Buffer.alloc(0);
  };

  try {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      text.push(chunk, opened?.rows.line ?? 1);
      if (opened !== undefined) opened.rows.push(chunk);
      else {
        head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
        const end = endOfFirstRow(head);
        if (end !== undefined) open(end);
        else if (head.length > MAX_LINE_BYTES) throw tooLong(name, 1);
      }
    }
    text.finish(opened?.rows.line ?? 1);
    if (opened === undefined) {
      if (head.toString('utf8').replace(BYTE_ORDER_MARK, '').trim() === '') {
        throw dataFault(`${name} is empty. It needs a header line and a line for each sale: export the orders again.`);
      }
      open(head.length);
    }
  } catch (error) {
    throw signal?.aborted ? signal.reason : explain(error, name);
  } finally {
    source.destroy();
  }
  if (opened === undefined) throw new RangeError('scanned a file without opening it');
  return { header: opened.header, delimiter: opened.delimiter, rows: opened.rows.finish() - 1 };
}

function explain(error: unknown, name: string): unknown {
  if (error instanceof HansaError || !(error instanceof Error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code.startsWith('Z_')) return dataFault(`${name} is not a whole gzip file. Compress or copy it again.`);
  if (code !== '') return dataFault(`${name} cannot be read (${code}). Check that it exists and may be read.`);
  return error;
}

function tooLong(name: string, line: number): HansaError {
  return dataFault(
    `${name}, line ${line}: longer than ${MAX_LINE_BYTES / 1024 / 1024} MiB, so this is no list of order lines. ` +
      'Look for a missing line break or an unclosed quote there, or choose another file.',
    { line },
  );
}

class Utf8Check {
  readonly #name: string;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });

  constructor(name: string) {
    this.#name = name;
  }

  /** @param line number of the line in which the chunk begins */
  push(chunk: Buffer, line: number): void {
    const nul = chunk.indexOf(0);
    if (nul >= 0) {
      throw dataFault(
        `${this.#name}, line ${line + linesIn(chunk.subarray(0, nul))}: holds a NUL byte, so it is no UTF-8 text. ` +
          'Export the orders as CSV in UTF-8 (not UTF-16, not a workbook).',
      );
    }
    this.#decode(chunk, line);
  }

  finish(line: number): void {
    this.#decode(undefined, line);
  }

  #decode(chunk: Buffer | undefined, line: number): void {
    try {
      if (chunk === undefined) this.#decoder.decode();
      else this.#decoder.decode(chunk, { stream: true });
    } catch {
      throw dataFault(
        `${this.#name}, line ${line + validLines(chunk)}: holds bytes that are not UTF-8. Export the orders as CSV in UTF-8 ` +
          '(in a spreadsheet: "CSV UTF-8").',
      );
    }
  }
}

function linesIn(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines += 1;
  return lines;
}

// Whole lines before the first that is not UTF-8; the chunk's first line may begin in the chunk before and is passed over.
function validLines(chunk: Buffer | undefined): number {
  if (chunk === undefined) return 0;
  const strict = new TextDecoder('utf-8', { fatal: true });
  let lines = 0;
  for (let from = chunk.indexOf(LINE_FEED) + 1; from > 0 && from < chunk.length; ) {
    lines += 1;
    const end = chunk.indexOf(LINE_FEED, from);
    try {
      strict.decode(chunk.subarray(from, end < 0 ? chunk.length : end));
    } catch {
      return lines;
    }
    if (end < 0) break;
    from = end + 1;
  }
  return 0;
}

/** End (exclusive, without its line feed) of the first row; undefined while it is not whole. */
function endOfFirstRow(bytes: Uint8Array): number | undefined {
  let quoted = false;
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] === QUOTE) quoted = !quoted;
    else if (bytes[at] === LINE_FEED && !quoted) return at;
  }
  return undefined;
}

function parseHeader(row: string, name: string, wanted: readonly string[]): { header: string[]; delimiter: string } {
  const text = row.replace(BYTE_ORDER_MARK, '').replace(/\r$/, '');
  if (text.trim() === '') {
    throw dataFault(`${name}, line 1: blank. The first line must be the header that names the columns.`, { line: 1 });
  }
  const readings = DELIMITERS.map((delimiter) => ({ delimiter, header: splitFields(text, delimiter) }));
  const found = (header: readonly string[]) => wanted.filter((column) => header.includes(column)).length;
  // The delimiter is the one that brings out the mapped columns; where none does, the one that brings out most columns makes the best message.
  readings.sort((a, b) => found(b.header) - found(a.header) || b.header.length - a.header.length);
  const best = readings[0];
  if (best === undefined) throw new RangeError('no delimiter to try');
  if (best.header.length > MAX_COLUMNS) {
    throw dataFault(
      `${name} has ${best.header.length} columns; at most ${MAX_COLUMNS} are read. Export fewer columns.`,
    );
  }
  return best;
}

function splitFields(text: string, delimiter: string): string[] {
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string;
    if (character === '"' && quoted && text[at + 1] === '"') {
      field += character;
      at += 1;
    } else if (character === '"') quoted = !quoted;
    else if (character === delimiter && !quoted) {
      fields.push(field.trim());
      field = '';
    } else field += character;
  }
  fields.push(field.trim());
  return fields;
}

type FieldState = 'start' | 'bare' | 'quoted' | 'closed';

/** Counts rows and checks each one's fields and length, across chunks. */
class RowScanner {
  readonly #name: string;
  readonly #delimiter: number;
  readonly #fields: number;
  #state: FieldState = 'start';
  #returned = false;
  #lineEnd: 'LF' | 'CR LF' | undefined;
  #row = { line: 1, bytes: 0, fields: 1, blank: true };
  #rows = 0;
  /** Number of the physical line that the next byte belongs to. */
  line = 1;

  constructor(name: string, delimiter: number, fields: number) {
    this.#name = name;
    this.#delimiter = delimiter;
    this.#fields = fields;
  }

  push(chunk: Uint8Array): void {
    const row = this.#row;
    let state = this.#state;
    let returned = this.#returned;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (state === 'quoted') {
        if (byte === LINE_FEED) this.line += 1;
        if (byte === QUOTE) state = 'closed';
      } else if (byte === LINE_FEED) {
        this.#endLine(returned);
        returned = false;
        state = 'start';
        continue;
      } else if (returned) {
        throw this.#fault(row.line, 'holds a carriage return that ends no line');
      } else if (byte === CARRIAGE_RETURN) {
        returned = true;
      } else if (byte === this.#delimiter) {
        row.fields += 1;
        row.blank = false;
        state = 'start';
      } else if (byte === QUOTE && state !== 'bare') {
        // A quote right after a closing one is an escaped quote: the field goes on.
        state = 'quoted';
        row.blank = false;
      } else {
        if (state === 'closed') throw this.#fault(row.line, 'has text after a closing quote');
        // A byte-order mark before a quoted first field is no part of the field.
        if (!(this.#rows === 0 && row.bytes < 3 && (byte as number) >= 0xbb)) state = 'bare';
        row.blank = false;
      }
      row.bytes += 1;
      if (row.bytes > MAX_LINE_BYTES) throw tooLong(this.#name, row.line);
    }
    this.#state = state;
    this.#returned = returned;
  }

  /** Rows in all, the header among them. */
  finish(): number {
    if (this.#state === 'quoted') throw this.#fault(this.#row.line, 'opens a quote that never closes');
    this.#endRow();
    return this.#rows;
  }

  // The database's reader takes one kind of line end for a whole file.
  #endLine(returned: boolean): void {
    const lineEnd = returned ? 'CR LF' : 'LF';
    this.#lineEnd ??= lineEnd;
    if (lineEnd !== this.#lineEnd) {
      throw dataFault(
        `${this.#name}, line ${this.line}: ends in ${lineEnd} where line 1 ends in ${this.#lineEnd}. Save the file with one kind of line end.`,
        { line: this.line },
      );
    }
    this.line += 1;
    this.#endRow();
  }

  #endRow(): void {
    const row = this.#row;
    if (!row.blank) {
      if (row.fields !== this.#fields) {
        throw this.#fault(row.line, `has ${row.fields} fields where the header has ${this.#fields}`);
      }
      this.#rows += 1;
    }
    row.line = this.line;
    row.bytes = 0;
    row.fields = 1;
    row.blank = true;
  }

  #fault(line: number, what: string): HansaError {
    return dataFault(
      `${this.#name}, line ${line}: ${what}. Put quotes around values that hold a ${shorten(String.fromCharCode(this.#delimiter))}, ` +
        'double the quotes inside them, or export the file again.',
      { line },
    );
  }
}
