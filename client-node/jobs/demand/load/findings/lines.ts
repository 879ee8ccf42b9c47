import type { OrderDatabase } from '../../../../data/database.ts';
import { dataFault } from '../../../../data/dataFault.ts';
import { isoDate } from '../../../../data/days.ts';
import type { Finding } from '../../../job.ts';
import type { DataConfig } from '../../config.ts';
import { missable, type OpenSource, parsedLines } from '../orderLines.ts';
import type { DayCounts } from './days.ts';
import { exchangedDates } from './rhythm.ts';
import { keptDays } from './strayDays.ts';

const MOST_LOCATED = 20;

/** Tells what the cells of the table `lines` leave open: words for missing values, lines without a location, instants whose day depends on where the shop is. */
export async function openCells(database: OrderDatabase, isLocationMapped: boolean): Promise<Finding[]> {
  const bits = missable.map((meaning, bit) => `count(*) FILTER (missing & ${1 << bit} > 0) AS "${meaning}"`);
  const row = await database.row(
    `SELECT ${bits.join(', ')}, count(*) FILTER (uncertain_day) AS uncertain, count(*) FILTER (location = '') AS nowhere, count(*) FILTER (tiny_price) AS tiny, count(*) AS every FROM lines`,
  );
  const findings: Finding[] = [];
  const warn = (sentence: string) => findings.push({ kind: 'warning', sentence, examples: [] });
  for (const meaning of missable) {
    const cells = Number(row[meaning]);
    if (cells > 0) {
      warn(
        `${cells} ${cells === 1 ? 'cell' : 'cells'} of the ${meaning} column ${cells === 1 ? 'holds' : 'hold'} a word such as NULL or N/A and ${cells === 1 ? 'counts' : 'count'} as empty.`,
      );
    }
  }
  const nowhere = Number(row.nowhere);
  if (isLocationMapped && nowhere > 0 && nowhere < Number(row.every)) {
    warn(
      `${nowhere} lines name no location: they count as a location of their own. Fill the column in, or leave it out.`,
    );
  }
  const tiny = Number(row.tiny);
  if (tiny > 0) {
    warn(
      `${tiny} ${tiny === 1 ? 'price is' : 'prices are'} above 0 and below a millionth: they count as not known. Correct them.`,
    );
  }
  if (Number(row.uncertain) > 0) {
    warn(
      `${Number(row.uncertain)} dates are instants in UTC that may be another day where the shop is; they count as days in UTC. Set data.timeZone, such as to "Europe/Berlin".`,
    );
  }
  return findings;
}

/**
 * Deletes the lines whose date cannot be right from the table `lines`, and names them.
 *
 * @param today day number
 * @throws HansaError InvalidData (where so many lines lie after today that they are no slips)
 */
export async function leaveOutStrayDays(
  database: OrderDatabase,
  sources: readonly OpenSource[],
  config: DataConfig,
  counts: DayCounts,
  today: number,
): Promise<{ counts: DayCounts; findings: Finding[]; strayLines: number }> {
  const { from, to, strayLines, futureLines } = keptDays(counts, today);
  if (to > today + 1) {
    throw dataFault(
      `${futureLines} lines lie after today, which is ${isoDate(today)} by this machine's clock; the last one on ${isoDate(to)}. ` +
        [
          'Set the clock right, or data.sources[].dateFormat, or leave these lines out with data.sources[].before.',
          ...exchangedDates(counts).map(({ sentence }) => sentence),
        ].join(' '),
    );
  }
  if (strayLines === 0) return { counts, findings: [], strayLines };
  const outside = `(day < DATE '${isoDate(from)}' OR day > DATE '${isoDate(to)}')`;
  const examples: string[] = [];
  for (const open of sources) {
    const { sql, parameters } = parsedLines(open, [], config, true);
    const rows = await database.rows(
      `SELECT row_number, strftime(day, '%Y-%m-%d') AS day FROM (${sql}) WHERE ${outside} ORDER BY row_number LIMIT ${MOST_LOCATED + 1}`,
      parameters,
    );
    for (const { row_number: row, day } of rows)
      examples.push(`${open.file.name}, row ${Number(row) + open.table.rowsBefore}: ${day}`);
  }
  await database.run(`DELETE FROM lines WHERE ${outside}`);
  const [first, end] = [counts.days.indexOf(from), counts.days.indexOf(to) + 1];
  return {
    counts: { days: counts.days.subarray(first, end), lines: counts.lines.subarray(first, end) },
    findings: [
      {
        kind: 'warning',
        sentence: `${strayLines === 1 ? 'One line has a date' : `${strayLines} lines have dates`} after today or years away from all others: mistyped, most likely. Correct the date; until then the line is left out.`,
        examples: examples.slice(0, MOST_LOCATED),
      },
    ],
    strayLines,
  };
}
