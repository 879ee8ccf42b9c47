import { basename, join } from 'node:path';
import { quotedString } from '@duckdb/node-api';
import type { DataConfig } from '@hansa/client-node/jobs/demand';
import { HansaError } from '@hansa/shared/errors';
import { readMapping } from '../../demo/silos/mapping.ts';
import { dayOf, linesOf } from '../../demo/silos/silos.ts';

/** A public data set as a league of merchants. */
export interface DataSet {
  readonly name: string;
  /** What stands for a merchant in it. */
  readonly merchant: string;
  readonly merchants: number;
  /** Items of a merchant that are kept, the best sellers before validFrom. */
  readonly items: number;
  readonly split: Pick<DataConfig, 'frequency' | 'returns' | 'validFrom' | 'testFrom'>;
  /** Optional columns beside merchant, item, date and quantity. */
  readonly columns: readonly ('price' | 'promotion' | 'soldOut' | 'category')[];
  /** SQL for the lines. */
  lines(folder: string): string;
}

const parquet = (folder: string, file: string) => `read_parquet(${quotedString(join(folder, file))})`;

/**
 * Any other folder as a league, as the demo reads it.
 *
 * @param mapping file that says what the columns mean; the folder's own or a shipped one when undefined
 * @throws HansaError InvalidArgument, InvalidConfig, InvalidData (with what is missing or wrong)
 */
export function dataSetOf(folder: string, mapping: string | undefined): DataSet {
  const read = readMapping(folder, mapping);
  const { frequency, returns, validFrom, testFrom, sources } = read;
  if (validFrom === undefined) {
    throw new HansaError(
      'InvalidConfig',
      'The mapping must name validFrom and testFrom: all merchants are split at the same days.',
    );
  }
  const isMapped = (column: keyof (typeof sources)[number]['columns']) =>
    sources.some(({ columns }) => columns[column] !== undefined);
  const columns = (['price', 'promotion', 'soldOut', 'category'] as const).filter(isMapped);
  return {
    name: basename(folder),
    merchant: 'merchant column of the mapping',
    merchants: 20,
    items: 50,
    split: { frequency, returns, validFrom, testFrom },
    columns,
    lines: () =>
      `SELECT * REPLACE (CAST(${dayOf('date')} AS DATE) AS date, CAST(quantity AS DOUBLE) AS quantity) FROM (${linesOf(read, folder)})`,
  };
}

/** Split days and what counts as a merchant are those of the data's own README. */
export const dataSets: readonly DataSet[] = [
  {
    name: 'iowa_liquor',
    merchant: 'county',
    merchants: 40,
    items: 20,
    split: { frequency: 'week', returns: 'none', validFrom: '2015-06-01', testFrom: '2015-11-30' },
    columns: ['category'],
    // Weeks begin on Sunday there: one day on, and they are ours.
    lines: (folder) =>
      `SELECT county AS merchant, item, CAST(weekStarting AS DATE) + 1 AS date, sum(greatest(sum_sale_liters, 0)) AS quantity, any_value(brand_file) AS category
       FROM ${parquet(folder, 'iowa_liquor/iowa_weekly_city_item.parquet')} WHERE county IS NOT NULL GROUP BY ALL`,
  },
  {
    name: 'online_retail',
    merchant: 'country',
    merchants: 12,
    items: 50,
    split: { frequency: 'week', returns: 'negative', validFrom: '2011-08-29', testFrom: '2011-10-31' },
    columns: ['price'],
    lines: (folder) =>
      `SELECT Country AS merchant, StockCode AS item, CAST(InvoiceDate AS DATE) AS date, CAST(Quantity AS DOUBLE) AS quantity, CAST(UnitPrice AS DOUBLE) AS price
       FROM ${parquet(folder, 'online_retail/online_retail_2010_2011_sales_lines.parquet')}
       UNION ALL
       SELECT Country, StockCode, CAST(InvoiceDate AS DATE), CAST(Quantity AS DOUBLE), CAST(Price AS DOUBLE)
       FROM ${parquet(folder, 'online_retail/online_retail_II_2009_2010.parquet')} WHERE InvoiceDate < TIMESTAMP '2010-12-01'`,
  },
  {
    name: 'olist',
    merchant: 'seller',
    merchants: 40,
    items: 10,
    split: { frequency: 'week', returns: 'none', validFrom: '2018-04-30', testFrom: '2018-07-02' },
    columns: ['price'],
    lines: (folder) =>
      `SELECT seller_id AS merchant, coalesce(product_category_name, 'none named') AS item, CAST(shipping_limit_date AS DATE) AS date, 1 AS quantity, price
       FROM ${parquet(folder, 'olist/order_items.parquet')} JOIN ${parquet(folder, 'olist/products.parquet')} USING (product_id)
       WHERE CAST(shipping_limit_date AS DATE) < DATE '2018-08-27'`,
  },
  {
    name: 'carparts',
    merchant: 'hash of the part: the data have no merchants',
    merchants: 20,
    items: 134,
    split: { frequency: 'month', returns: 'none', validFrom: '2000-07-01', testFrom: '2001-04-01' },
    columns: [],
    lines: (folder) =>
      `SELECT 'part of ' || (hash(CAST(Part AS VARCHAR)) % 20) AS merchant, Part AS item, CAST(strptime(month, '%b-%y') AS DATE) AS date,
         coalesce(TRY_CAST(units AS DOUBLE), 0) AS quantity
       FROM (UNPIVOT (SELECT * FROM read_csv(${quotedString(join(folder, 'carparts/carparts.csv.gz'))}, all_varchar = true))
         ON COLUMNS(* EXCLUDE (Part)) INTO NAME month VALUE units)`,
  },
  {
    name: 'dominicks_orange_juice',
    merchant: 'store',
    merchants: 83,
    items: 11,
    split: { frequency: 'week', returns: 'none', validFrom: '1992-03-09', testFrom: '1992-06-01' },
    columns: ['price', 'promotion'],
    // Week 1 began on Thursday 1989-09-14; the Monday of that week stands for it. Units are 64 ounces.
    lines: (folder) =>
      `SELECT 'store ' || store AS merchant, 'brand ' || brand AS item, DATE '1989-09-11' + CAST(7 * (week - 1) AS INTEGER) AS date, exp(logmove) / 64 AS quantity,
         64 * [price1, price2, price3, price4, price5, price6, price7, price8, price9, price10, price11][brand] AS price, greatest(deal, feat) AS promotion
       FROM ${parquet(folder, 'dominicks_orange_juice/yx.parquet')}`,
  },
  {
    name: 'walmart_store_sales',
    merchant: 'store',
    merchants: 45,
    items: 20,
    split: { frequency: 'week', returns: 'negative', validFrom: '2012-04-02', testFrom: '2012-07-02' },
    columns: ['promotion'],
    // Weeks end on Friday; the Monday before stands for them.
    lines: (folder) =>
      `SELECT 'store ' || Store AS merchant, 'department ' || Dept AS item, CAST(Date AS DATE) - 4 AS date, Weekly_Sales AS quantity,
         CAST(IsHoliday AS INTEGER) AS promotion
       FROM ${parquet(folder, 'walmart_store_sales/train.parquet')}`,
  },
  {
    name: 'freshretailnet',
    merchant: 'store',
    merchants: 40,
    items: 20,
    split: { frequency: 'day', returns: 'none', validFrom: '2024-06-05', testFrom: '2024-06-12' },
    columns: ['promotion', 'soldOut', 'category'],
    lines: (folder) =>
      `SELECT 'store ' || store_id AS merchant, 'product ' || product_id AS item, CAST(dt AS DATE) AS date, list_sum(hours_sale) AS quantity,
         activity_flag AS promotion, list_sum(hours_stock_status[7:22]) / 16.0 AS soldOut, CAST(first_category_id AS VARCHAR) AS category
       FROM ${parquet(folder, 'freshretailnet/train_stores_mod3.parquet')}`,
  },
];
