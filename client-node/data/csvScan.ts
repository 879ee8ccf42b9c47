import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { HansaError } from '@hansa/shared/errors';
import { dataFault, shorten } from './dataFault.ts';
import { plainText } from './text.ts';

/** Longest line of a CSV file, in bytes. */
export const MAX_LINE_BYTES = 1024 * 1024;
const MAX_COLUMNS = 2000;
const CHUNK_BYTES = 1024 * 1024;
const DELIMITERS = [',', ';', '\t', '|'];
const QUOTE = 0x22;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const END_OF_FILE = 0x1a;
/** Rows among which the header is looked for, to say where it is. */
const HEAD_ROWS = 20;
const BYTE_ORDER_MARK = '\uFEFF';

/** What a whole pass over a CSV file found. */
export interface CsvScan {
  /** Column names in order, trimmed. */
  readonly header: readonly string[];
  readonly delimiter: string;
  /** Data rows, blank lines not counted. */
  readonly rows: number;
  /** Lines before the header: 1 where the file says with `sep=` what separates its fields. */
  readonly linesBefore: number;
  /** Rows without a value in any cell, counted among the rows. */
  readonly emptyRows: number;
  /** Those of them that hold nothing but spaces, where other rows have several fields. */
  readonly rowsOfSpaces: number;
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
  let opened: (Header & { rows: RowScanner }) | undefined;
  const open = (ends: number[]) => {
    const header = parseHeader(head, ends, name, wanted);
    const rows = new RowScanner(name, header.delimiter.charCodeAt(0), header.names.length, header.linesBefore);
    opened = { ...header, rows };
    rows.push(head.subarray(header.from));
    head = Buffer.alloc(0);
  };

  try {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      text.push(chunk, opened?.rows.line ?? 1);
      if (opened !== undefined) opened.rows.push(chunk);
      else {
        head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
        const ends = rowEnds(head, HEAD_ROWS);
        if (ends.length === HEAD_ROWS || (ends.length > 0 && head.length > MAX_LINE_BYTES)) open(ends);
        else if (head.length > MAX_LINE_BYTES) throw tooLong(name, 1);
      }
    }
    text.finish(opened?.rows.line ?? 1);
    if (opened === undefined) {
      if (head.toString('utf8').replace(BYTE_ORDER_MARK, '').trim() === '') {
        throw dataFault(`${name} is empty. It needs a header line and a line for each sale: export the orders again.`);
      }
      open([...rowEnds(head, HEAD_ROWS), head.length]);
    }
  } catch (error) {
    throw signal?.aborted ? signal.reason : explain(error, name);
  } finally {
    source.destroy();
  }
  if (opened === undefined) throw new RangeError('scanned a file without opening it');
  const { names: header, delimiter, linesBefore, rows } = opened;
  return {
    header,
    delimiter,
    linesBefore,
    rows: rows.finish() - 1,
    emptyRows: rows.emptyRows,
    rowsOfSpaces: rows.rowsOfSpaces,
  };
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
  /** The beginning of a character whose end is in the next chunk. */
  #begun = Buffer.alloc(0);

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
    const bytes = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
    const whole = bytes.length - begunCharacter(bytes);
    if (!isUtf8(bytes.subarray(0, whole))) throw this.#fault(line + validLines(bytes));
    this.#begun = Buffer.from(bytes.subarray(whole));
  }

  finish(line: number): void {
    if (this.#begun.length > 0) throw this.#fault(line);
  }

  #fault(line: number): HansaError {
    return dataFault(
      `${this.#name}, line ${line}: holds bytes that are not UTF-8. Export the orders as CSV in UTF-8 ` +
        '(in a spreadsheet: "CSV UTF-8").',
    );
  }
}

/** Bytes at the end that begin a character without ending it: 0 to 3. */
function begunCharacter(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

function linesIn(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines += 1;
  return lines;
}

// Whole lines before the first that is not UTF-8; the chunk's first line may begin in the chunk before and is passed over.
function validLines(chunk: Buffer): number {
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

/** Ends (exclusive, without their line feeds) of the first rows that are whole, at most so many. */
function rowEnds(bytes: Uint8Array, most: number): number[] {
  const ends: number[] = [];
  let quoted = false;
  for (let at = 0; at < bytes.length && ends.length < most; at += 1) {
    if (bytes[at] === QUOTE) quoted = !quoted;
    else if (bytes[at] === LINE_FEED && !quoted) ends.push(at);
  }
  return ends;
}

interface Header {
  readonly names: string[];
  readonly delimiter: string;
  readonly linesBefore: number;
  /** Where the header begins, in bytes. */
  readonly from: number;
}

function parseHeader(head: Buffer, ends: readonly number[], name: string, wanted: readonly string[]): Header {
  const rows = ends.map((end, row) =>
    head
      .toString('utf8', row === 0 ? 0 : ends[row - 1]! + 1, end)
      .replace(BYTE_ORDER_MARK, '')
      .replace(/\r$/, ''),
  );
  const told = /^"?sep=(.)"?$/i.exec(rows[0]!)?.[1];
  const linesBefore = told === undefined ? 0 : 1;
  const text = rows[linesBefore] ?? '';
  if (text.trim() === '') {
    const line = linesBefore + 1;
    throw dataFault(`${name}, line ${line}: blank. The first line must be the header that names the columns.`, {
      line,
    });
  }
  const delimiters = told === undefined ? DELIMITERS : [told];
  if (told !== undefined && (told === '"' || told.charCodeAt(0) > 0x7f)) {
    throw dataFault(`${name}, line 1: ${shorten(told)} cannot separate fields. Use a comma, a semicolon or a tab.`);
  }
  const found = (header: readonly string[]) => wanted.filter((column) => header.includes(column)).length;
  const readings = (row: string) => delimiters.map((delimiter) => ({ delimiter, names: splitFields(row, delimiter) }));
  // The delimiter is the one that brings out the mapped columns; where none does, the one that brings out most columns makes the best message.
  const [best] = readings(text).sort((a, b) => found(b.names) - found(a.names) || b.names.length - a.names.length);
  if (best === undefined) throw new RangeError('no delimiter to try');
  if (found(best.names) === 0 && wanted.length > 0) {
    const header = rows.findIndex((row) => readings(row).some(({ names }) => found(names) === wanted.length));
    if (header > linesBefore) {
      throw dataFault(
        `${name}: line ${linesBefore + 1} is not the header; line ${header + 1} names the columns. Delete the lines above it.`,
        { line: linesBefore + 1 },
      );
    }
  }
  if (best.names.length > MAX_COLUMNS) {
    throw dataFault(`${name} has ${best.names.length} columns; at most ${MAX_COLUMNS} are read. Export fewer columns.`);
  }
  return { ...best, linesBefore, from: linesBefore === 0 ? 0 : ends[0]! + 1 };
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
      fields.push(plainText(field));
      field = '';
    } else field += character;
  }
  fields.push(plainText(field));
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
  #row = { line: 1, bytes: 0, fields: 1, empty: true, last: 0 };
  #rows = 0;
  /** Number of the physical line that the next byte belongs to. */
  line: number;
  emptyRows = 0;
  rowsOfSpaces = 0;

  constructor(name: string, delimiter: number, fields: number, linesBefore: number) {
    this.#name = name;
    this.#delimiter = delimiter;
    this.#fields = fields;
    this.line = linesBefore + 1;
    this.#row.line = this.line;
  }

  push(chunk: Uint8Array): void {
    const row = this.#row;
    let state = this.#state;
    let returned = this.#returned;
    for (let at = 0; at < chunk.length; at += 1) {
      if (row.bytes === 0 && state === 'start') at = this.#plainRows(chunk, at);
      if (at === chunk.length) break;
      const byte = chunk[at] as number;
      if (state === 'quoted') {
        if (byte === QUOTE) state = 'closed';
        else if (byte === LINE_FEED) this.line += 1;
        else if (byte !== SPACE && byte !== TAB && byte !== CARRIAGE_RETURN) row.empty = false;
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
        state = 'start';
      } else if (byte === QUOTE && state !== 'bare') {
        // A quote right after a closing one is an escaped quote: the field goes on.
        if (state === 'closed') row.empty = false;
        state = 'quoted';
      } else {
        if (state === 'closed') throw this.#fault(row.line, 'has text after a closing quote');
        // A byte-order mark before a quoted first field is no part of the field.
        if (!(this.#rows === 0 && row.bytes < 3 && byte >= 0xbb)) state = 'bare';
        if (byte !== SPACE && byte !== TAB) row.empty = false;
      }
      row.bytes += 1;
      row.last = byte;
      if (row.bytes > MAX_LINE_BYTES) throw tooLong(this.#name, row.line);
    }
    this.#state = state;
    this.#returned = returned;
  }

  /**
   * Passes over whole rows that hold no quote, begin with a value and have the right number of fields, as nearly all do: the way through the states costs
   * several times as much.
   *
   * @param from where a row begins
   * @returns where the first other row begins
   */
  #plainRows(chunk: Uint8Array, from: number): number {
    const [lineEnd, delimiter, fields] = [this.#lineEnd, this.#delimiter, this.#fields];
    // The first line decides how lines end.
    if (lineEnd === undefined) return from;
    const { length } = chunk;
    for (;;) {
      let at = from;
      let found = 1;
      let byte = chunk[at] as number;
      if (!(byte > SPACE && byte !== delimiter)) break;
      while (at < length && byte !== LINE_FEED && byte !== QUOTE && byte !== CARRIAGE_RETURN) {
        if (byte === delimiter) found += 1;
        at += 1;
        byte = chunk[at] as number;
      }
      const isReturned = byte === CARRIAGE_RETURN && chunk[at + 1] === LINE_FEED;
      if (found !== fields || (lineEnd === 'LF' ? byte !== LINE_FEED : !isReturned) || at - from > MAX_LINE_BYTES)
        break;
      this.line += 1;
      this.#rows += 1;
      from = at + (isReturned ? 2 : 1);
    }
    this.#row.line = this.line;
    return from;
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
    const isOfSpaces = row.empty && row.fields === 1;
    // A line without a byte is no row: the database passes over it too.
    if (!isOfSpaces || row.bytes > (row.last === CARRIAGE_RETURN ? 1 : 0)) {
      if (isOfSpaces) this.rowsOfSpaces += 1;
      else if (row.fields !== this.#fields) throw this.#wrongFields();
      if (row.empty) this.emptyRows += 1;
      this.#rows += 1;
    }
    row.line = this.line;
    row.bytes = 0;
    row.fields = 1;
    row.empty = true;
    row.last = 0;
  }

  #wrongFields(): HansaError {
    const { line, fields, last, bytes } = this.#row;
    const has = `has ${fields} field${fields === 1 ? '' : 's'} where the header has ${this.#fields}`;
    if (fields > 1) return this.#fault(line, has);
    const remedy =
      last === END_OF_FILE && bytes === 1
        ? 'It is the end mark (Ctrl-Z) of an old program: delete it.'
        : 'If it is a title, a note or a footer, such as the number of rows, delete the line; otherwise export the file again.';
    return dataFault(`${this.#name}, line ${line}: ${has}. ${remedy}`, { line });
  }

  #fault(line: number, what: string): HansaError {
    return dataFault(
      `${this.#name}, line ${line}: ${what}. Put quotes around values that hold a ${shorten(String.fromCharCode(this.#delimiter))}, ` +
        'double the quotes inside them, or export the file again.',
      { line },
    );
  }
}
