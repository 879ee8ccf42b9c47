import type { OrderDatabase } from '../../../../data/database.ts';
import type { Finding } from '../../../job.ts';
import { listed } from './listed.ts';

/** A quantity or a price so many times the usual one of its article cannot be right: a barcode stands in its place, or units are mixed. */
const TIMES_USUAL = 1000;
/** Lines from which an article has a usual quantity of its own. */
const ENOUGH_LINES = 10;
const USUAL_QUANTILE = 0.9;
/** Whoever is not this far above the mean of logarithms is looked at no further. */
const SUSPECT_TIMES = 100;
const MOST_SHOWN = 21;

/**
 * Marks the lines of the table `distinct_lines` whose quantity cannot be right (column `implausible`), and takes away prices that cannot be.
 *
 * A quantity cannot be right above 1,000 times the 90 % quantile of its article's lines (of all lines, where the article has fewer than 10), and above 1,000 in
 * any case; a price above 1,000 times, or below a thousandth of, its article's median.
 */
export async function markImplausible(database: OrderDatabase, isPriceMapped: boolean): Promise<Finding[]> {
  await database.run('ALTER TABLE distinct_lines ADD COLUMN implausible BOOLEAN DEFAULT false');
  const findings: Finding[] = [];
  const { every } = await database.row(
    `SELECT quantile_cont(abs(quantity), ${USUAL_QUANTILE}) AS every FROM (SELECT quantity FROM distinct_lines USING SAMPLE reservoir(100000 ROWS) REPEATABLE (1))`,
  );
  await database.run(
    `CREATE TABLE usual AS
     SELECT item_number, ${TIMES_USUAL} * greatest(1, CASE WHEN count(*) >= ${ENOUGH_LINES} THEN quantile_cont(abs(quantity), ${USUAL_QUANTILE}) ELSE ${Number(every ?? 0)} END) AS most
     FROM distinct_lines JOIN keys USING (key) SEMI JOIN (
       SELECT item_number FROM distinct_lines JOIN keys USING (key) GROUP BY item_number
       HAVING max(abs(quantity)) > ${TIMES_USUAL} AND ln(1 + max(abs(quantity))) - avg(ln(1 + abs(quantity))) > ln(${SUSPECT_TIMES}) OR count(*) < ${ENOUGH_LINES} AND max(abs(quantity)) > ${TIMES_USUAL}
     ) USING (item_number) GROUP BY item_number`,
  );
  const tooMany = 'distinct_lines.key = keys.key AND keys.item_number = usual.item_number AND abs(quantity) > most';
  const quantities = await database.rows(
    `SELECT item, strftime(day, '%Y-%m-%d') AS day, quantity, count(*) OVER () AS lines FROM distinct_lines, keys, usual WHERE ${tooMany}
     ORDER BY abs(quantity) DESC, day LIMIT ${MOST_SHOWN}`,
  );
  if (quantities.length > 0) {
    await database.run(`UPDATE distinct_lines SET implausible = true FROM keys, usual WHERE ${tooMany}`);
    findings.push({
      kind: 'warning',
      sentence: `${linesOf(quantities)} a quantity above ${TIMES_USUAL} times what its article usually has: is it a barcode, or another unit? Sales of that period count as not known. Correct the quantity.`,
      examples: listed(quantities.map(({ item, day, quantity }) => `${item} on ${day}: ${quantity} units`)),
    });
  }
  await database.run('DROP TABLE usual');
  if (isPriceMapped) findings.push(...(await dropPrices(database)));
  return findings;
}

async function dropPrices(database: OrderDatabase): Promise<Finding[]> {
  await database.run(
    `CREATE TABLE usual AS SELECT item_number, median(price) AS price FROM distinct_lines JOIN keys USING (key) WHERE price > 0 GROUP BY item_number
     HAVING max(price) > ${TIMES_USUAL} * min(price) AND count(*) > 2`,
  );
  const isWrong = `distinct_lines.key = keys.key AND keys.item_number = usual.item_number AND distinct_lines.price > 0
    AND (distinct_lines.price > ${TIMES_USUAL} * usual.price OR distinct_lines.price * ${TIMES_USUAL} < usual.price)`;
  const prices = await database.rows(
    `SELECT item, strftime(day, '%Y-%m-%d') AS day, distinct_lines.price AS price, count(*) OVER () AS lines
     FROM distinct_lines, keys, usual WHERE ${isWrong} ORDER BY distinct_lines.price DESC, day LIMIT ${MOST_SHOWN}`,
  );
  if (prices.length > 0) await database.run(`UPDATE distinct_lines SET price = NULL FROM keys, usual WHERE ${isWrong}`);
  await database.run('DROP TABLE usual');
  if (prices.length === 0) return [];
  return [
    {
      kind: 'warning',
      sentence: `${linesOf(prices)} a price more than ${TIMES_USUAL} times above or below what its article usually costs: is it a barcode, or another currency? The price counts as not known. Correct it.`,
      examples: listed(prices.map(({ item, day, price }) => `${item} on ${day}: ${price}`)),
    },
  ];
}

const linesOf = ([first]: readonly Record<string, unknown>[]) =>
  Number(first!.lines) === 1 ? 'One line has' : `${first!.lines} lines have`;
