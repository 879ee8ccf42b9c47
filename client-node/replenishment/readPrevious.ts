import { readFileSync } from 'node:fs';
import { HansaError } from '@hansa/shared/errors';
import { z } from 'zod';
import { textOfCell } from '../data/csvCell.ts';
import { openDatabase } from '../data/database.ts';
import { numberSql } from '../data/numbers.ts';
import { findOrderFile, openOrderTable } from '../data/orderFile.ts';
import type { PreviousOrder } from './proposal.ts';
import { stockKey } from './stockLine.ts';

const units = z.number().min(0).max(1e12);
const planSchema = z.object({
  rows: z.array(z.object({ item: z.string(), location: z.string(), order: units, onOrder: units.nullable() })),
});

/**
 * Orders of a plan that this program has written, as JSON or as CSV.
 *
 * @returns by stockKey
 * @throws HansaError InvalidArgument (when the file is no such plan)
 * @throws HansaError InvalidData (when it is a CSV file that cannot be read)
 */
export async function readPrevious(path: string): Promise<Map<string, PreviousOrder>> {
  const rows = path.toLowerCase().endsWith('.json') ? rowsOfJson(path) : await rowsOfCsv(path);
  return new Map(
    // Of what had no stock line nothing was proposed.
    rows.flatMap(({ item, location, order, onOrder }) =>
      onOrder === null ? [] : [[stockKey({ item, location }), { order, onOrder }] as const],
    ),
  );
}

const noPlan = (path: string, cause?: unknown) =>
  new HansaError(
    'InvalidArgument',
    `--previous ${path} is no plan. Name a file that hansa-client plan has written, .csv or .json.`,
    {},
    { cause },
  );

type Row = z.output<typeof planSchema>['rows'][number];

function rowsOfJson(path: string): Row[] {
  try {
    return planSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).rows;
  } catch (error) {
    throw noPlan(path, error);
  }
}

async function rowsOfCsv(path: string): Promise<Row[]> {
  const columns = { item: 'item', location: 'location', order: 'order', onOrder: 'onOrder' };
  const file = { ...(await findOrderFile({ file: path }, '.')), other: { mapping: '--previous', mayLack: [] } };
  const database = await openDatabase([file.path], {});
  try {
    const table = await openOrderTable(database, file, columns);
    const rows = await database.rows(
      `SELECT ${table.text('item')} AS item, coalesce(${table.text('location')}, '') AS location,
         ${numberSql(table.text('order'))} AS "order", ${numberSql(table.text('onOrder'))} AS "onOrder" FROM ${table.from}`,
    );
    const parsed = planSchema.safeParse({ rows });
    if (!parsed.success) throw noPlan(path, parsed.error);
    return parsed.data.rows.map((row) => ({
      ...row,
      item: textOfCell(row.item),
      location: textOfCell(row.location),
    }));
  } finally {
    await database.close();
  }
}
