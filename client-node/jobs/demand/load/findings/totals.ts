import type { OrderDatabase } from '../../../../data/database.ts';
import type { Finding } from '../../../job.ts';
import { listed } from './listed.ts';

/** With fewer than two others, "the sum of the others" is just the other one. */
const FEWEST_NAMES = 3;
const FEWEST_STRETCHES = 3;
const MOST_STRETCHES_SHARE = 0.8;
const CLOSE = 0.005;
const CLOSE_IN_A_STRETCH = 0.02;

/** Days of its own on which a name that is a total shows it, and units a day below which sums agree by chance. */
const FEWEST_DAYS = 5;
const FEWEST_UNITS = 5;
const NEARLY_ALL = 0.9;

/**
 * Tells lines that sum up the others: an article, or a location, that sells as much as all others together, on its own days, or over the whole file and month
 * by month (week by week where there are few months). By value, since the name may be in any language.
 */
export async function totals(database: OrderDatabase): Promise<Finding[]> {
  const findings: Finding[] = [];
  await database.run(
    'CREATE TABLE daily AS SELECT key, day, sum(times * quantity) AS units FROM counted GROUP BY key, day',
  );
  for (const [column, kind] of [
    ['item', 'article'],
    ['location', 'location'],
  ] as const) {
    const found = await sumsOfDays(database, column);
    for (const name of await halves(database, column)) {
      if (!found.includes(name) && (await isSum(database, column, name))) found.push(name);
    }
    if (found.length === 0) continue;
    findings.push({
      kind: 'warning',
      sentence: `${found.length === 1 ? `One ${kind} sells` : `${found.length} ${kind}s sell`} as much as all others together, time and again: is it their total? Remove its lines, or every sale counts twice.`,
      examples: listed(found),
    });
  }
  await database.run('DROP TABLE daily');
  return findings;
}

/** Names that sell, on nearly every day on which they sell at all, as much as two others or more together. */
async function sumsOfDays(database: OrderDatabase, column: string): Promise<string[]> {
  const rows = await database.rows(
    `WITH sums AS (SELECT ${column} AS name, day, sum(units) AS units FROM daily JOIN keys USING (key) GROUP BY ${column}, day),
       days AS (SELECT day, sum(units) AS every, count(*) AS names FROM sums GROUP BY day)
     SELECT name FROM sums JOIN days USING (day) WHERE units > 0 GROUP BY name
     HAVING count(*) >= ${FEWEST_DAYS} AND avg(units) >= ${FEWEST_UNITS}
       AND count(*) FILTER (names >= ${FEWEST_NAMES} AND abs(2 * units - every) <= ${CLOSE} * units) >= ${NEARLY_ALL} * count(*)
     ORDER BY name LIMIT 1000`,
  );
  return rows.map(({ name }) => String(name));
}

/** Names that make half of all units. */
async function halves(database: OrderDatabase, column: string): Promise<string[]> {
  const rows = await database.rows(
    `WITH sums AS (SELECT ${column} AS name, sum(units) AS units FROM daily JOIN keys USING (key) GROUP BY ${column})
     SELECT name FROM sums, (SELECT sum(units) AS every, count(*) AS names FROM sums)
     WHERE names >= ${FEWEST_NAMES} AND every > 0 AND abs(2 * units / every - 1) <= ${CLOSE} ORDER BY name`,
  );
  return rows.map(({ name }) => String(name));
}

async function isSum(database: OrderDatabase, column: string, name: string): Promise<boolean> {
  for (const stretch of ['month', 'week']) {
    const { stretches, close } = await database.row(
      `SELECT count(*) AS stretches, count(*) FILTER (abs(own - others) <= ${CLOSE_IN_A_STRETCH} * greatest(own, others)) AS close
       FROM (
         SELECT sum(units) FILTER (${column} = $name) AS own, sum(units) FILTER (${column} <> $name) AS others
         FROM daily JOIN keys USING (key) GROUP BY date_trunc('${stretch}', day)
       ) WHERE own IS NOT NULL AND others IS NOT NULL`,
      { name },
    );
    if (Number(stretches) >= FEWEST_STRETCHES) return Number(close) >= MOST_STRETCHES_SHARE * Number(stretches);
  }
  return false;
}
