import { dayNumber } from './calendar.ts';
import { lastDay, sizes, split } from './constants.ts';
import { itemLines } from './orders.ts';
import { seededRandom } from './seededRandom.ts';
import { drawMerchant, type World } from './structure.ts';

export { type World, worlds } from './structure.ts';
export { split };

/** The columns of a generated order file, in the words of a node's data mapping. */
export const columns = {
  date: 'date',
  order: 'order',
  item: 'item',
  quantity: 'quantity',
  price: 'price',
  promotion: 'promotion',
  stock: 'stock',
  category: 'category',
} as const;

export interface GeneratedMerchant {
  readonly id: string;
  /** The merchant's private order file: a header and one line per item and day, sold or not, but for a few that were lost. */
  readonly csv: string;
  /** Order lines, the header not counted. */
  readonly lines: number;
}

/**
 * Writes the private order files of a league: two years at most of daily order lines with seasons, promotions, stock-outs and
 * intermittent items.
 *
 * In the `shared` world a category's week, year, festivals and response to promotions are the same for all, up to a few per cent;
 * in the `unrelated` one every merchant has its own of each, promotions that lower sales among them. Equal arguments give equal bytes.
 *
 * @param merchants how many, at least 1; merchant k is the same whatever the number of merchants.
 */
export function generateMerchants(world: World, seed: number, merchants: number): GeneratedMerchant[] {
  const root = seededRandom(seed, world);
  return Array.from({ length: merchants }, (_, index) => {
    const id = `merchant-${index + 1}`;
    const own = root.stream(id);
    const size = sizes[index % sizes.length]!;
    const structure = drawMerchant(world, root.stream('common'), own.stream('structure'), index);
    const last = dayNumber(lastDay);
    const lines: string[] = [];
    for (let item = 1; item <= size.items; item++) {
      const name = `${id}-item-${String(item).padStart(2, '0')}`;
      lines.push(
        ...itemLines(
          {
            name,
            firstDay: last - size.historyDays + 1,
            lastDay: last,
            volume: size.volume,
            promotionsPerYear: size.promotionsPerItemYear,
          },
          structure,
          own.stream(name),
        ),
      );
    }
    lines.sort(); // A line begins with its date: the file reads in the order in which things were sold.
    return {
      id,
      csv: `${Object.keys(columns).join(',')}\n${lines.join('\n')}\n`,
      lines: lines.length,
    };
  });
}
