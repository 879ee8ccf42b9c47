import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { dayNumber } from './calendar.ts';
import { firstDay, lastDay, sizes, split } from './constants.ts';
import { columns, type GeneratedMerchant, generateMerchants, worlds } from './index.ts';
import { seededRandom } from './seededRandom.ts';

interface Line {
  date: string;
  item: string;
  quantity: number;
  price: number;
  promotion: string;
  stock: number;
  category: string;
}

function linesOf(merchant: GeneratedMerchant): Line[] {
  const [header, ...rest] = merchant.csv.trimEnd().split('\n');
  expect(header).toBe(Object.values(columns).join(','));
  return rest.map((text) => {
    const [date, , item, quantity, price, promotion, stock, category] = text.split(',') as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    return { date, item, quantity: Number(quantity), price: Number(price), promotion, stock: Number(stock), category };
  });
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Share of the days between an item's first and last line that have a line, over all items. */
function statedShare(lines: Line[]): number {
  const days = new Map<string, Set<string>>();
  for (const { item, date } of lines) days.set(item, (days.get(item) ?? new Set()).add(date));
  let stated = 0;
  let all = 0;
  for (const own of days.values()) {
    const sorted = [...own].sort();
    stated += own.size;
    all += dayNumber(sorted.at(-1)!) - dayNumber(sorted[0]!) + 1;
  }
  return stated / all;
}

/** Log of mean sales under promotion over mean sales without. */
function promotionResponse(lines: Line[]): number {
  const of = (flag: string) =>
    mean(lines.filter(({ promotion }) => promotion === flag).map(({ quantity }) => quantity));
  return Math.log(of('1') / of('0'));
}

/** Share of a category's sales on each weekday. */
function week(lines: Line[]): number[] {
  const sums = new Array<number>(7).fill(0);
  for (const { date, quantity } of lines) sums[(dayNumber(date) + 3) % 7]! += quantity;
  const total = sums.reduce((a, b) => a + b, 0);
  return sums.map((sum) => sum / total);
}

const distance = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0);

describe.each(worlds)('the %s world', (world) => {
  const merchants = generateMerchants(world, 11, 6);

  it('gives equal bytes for equal arguments and other bytes for another seed', () => {
    const hash = (all: GeneratedMerchant[]) =>
      createHash('sha256')
        .update(all.map(({ csv }) => csv).join())
        .digest('hex');
    expect(hash(generateMerchants(world, 11, 6))).toBe(hash(merchants));
    expect(hash(generateMerchants(world, 12, 6))).not.toBe(hash(merchants));
  });

  it('draws a merchant without regard to how many there are', () => {
    expect(generateMerchants(world, 11, 2)[1]).toEqual(merchants[1]);
    expect(generateMerchants(world, 11, 8)).toHaveLength(8);
  });

  it('keeps to catalogue, history and sane values', () => {
    for (const [index, merchant] of merchants.entries()) {
      const lines = linesOf(merchant);
      const size = sizes[index]!;
      expect(lines).toHaveLength(merchant.lines);
      expect(new Set(lines.map(({ item }) => item)).size).toBe(size.items);
      expect(lines.at(-1)!.date <= lastDay && lines[0]!.date >= firstDay).toBe(true);
      expect(dayNumber(lastDay) - dayNumber(lines[0]!.date)).toBeLessThan(size.historyDays);
      const insane = lines.filter(
        ({ quantity, price, stock, promotion }) =>
          !Number.isInteger(quantity) ||
          !Number.isInteger(stock) ||
          stock < 0 ||
          price <= 0 ||
          !/^[01]$/.test(promotion),
      );
      expect(insane).toEqual([]);
      expect(lines.some(({ date }) => date < split.validFrom) && lines.some(({ date }) => date >= split.testFrom)).toBe(
        true,
      );
    }
  });

  it('has promotions, empty shelves, returns and intermittent items, none of them the rule', () => {
    const lines = merchants.flatMap(linesOf);
    const share = (what: (line: Line) => boolean) => lines.filter(what).length / lines.length;
    expect(share(({ promotion }) => promotion === '1')).toBeGreaterThan(0.04);
    expect(share(({ promotion }) => promotion === '1')).toBeLessThan(0.3);
    expect(share(({ stock }) => stock === 0)).toBeGreaterThan(0.003);
    expect(share(({ stock }) => stock === 0)).toBeLessThan(0.1);
    expect(share(({ quantity }) => quantity < 0)).toBeGreaterThan(0.001);
    // Known promotions are plans only where nearly every day states whether there is one.
    for (const merchant of merchants) expect(statedShare(linesOf(merchant))).toBeGreaterThan(0.97);
    const counts = new Map<string, number>();
    for (const { item, quantity } of lines) if (quantity > 0) counts.set(item, (counts.get(item) ?? 0) + 1);
    expect(Math.min(...counts.values())).toBeLessThan(200);
  });
});

it('shares the week and the response to promotions in the shared world, and neither in the unrelated one', () => {
  const seeds = [1, 2];
  const responses = (world: 'shared' | 'unrelated') =>
    seeds.flatMap((seed) => generateMerchants(world, seed, 6).map((merchant) => promotionResponse(linesOf(merchant))));
  expect(responses('shared').every((value) => value > 0)).toBe(true);
  expect(responses('unrelated').filter((value) => value < 0).length).toBeGreaterThan(seeds.length * 2);

  const weeksApart = (world: 'shared' | 'unrelated') => {
    const gaps: number[] = [];
    for (const seed of seeds) {
      const all = generateMerchants(world, seed, 6).map(linesOf);
      for (const name of new Set(all.flat().map(({ category }) => category))) {
        const weeks = all
          .map((lines) => lines.filter(({ category }) => category === name))
          .filter((own) => own.length > 1500);
        for (let i = 1; i < weeks.length; i++) gaps.push(distance(week(weeks[0]!), week(weeks[i]!)));
      }
    }
    return mean(gaps);
  };
  expect(weeksApart('shared')).toBeLessThan(0.15);
  expect(weeksApart('unrelated')).toBeGreaterThan(0.4);
});

describe('seededRandom', () => {
  it('draws what it says', () => {
    const random = seededRandom(5, 'moments');
    const draws = (draw: () => number) => Array.from({ length: 20_000 }, draw);
    const variance = (values: number[], centre = mean(values)) => mean(values.map((value) => (value - centre) ** 2));
    for (const rate of [0.3, 4, 700]) {
      const values = draws(() => random.poisson(rate)).slice(0, rate > 100 ? 2_000 : undefined);
      expect(Math.abs(mean(values) / rate - 1)).toBeLessThan(0.05);
    }
    const counts = draws(() => random.negativeBinomial(6, 2)).slice(0, 5_000);
    expect(Math.abs(mean(counts) - 6)).toBeLessThan(0.4);
    expect(Math.abs(variance(counts) / (6 + 36 / 2) - 1)).toBeLessThan(0.15);
    expect(Math.abs(mean(draws(() => random.normal(1, 2))) - 1)).toBeLessThan(0.06);
    expect(random.shuffle([1, 2, 3, 4]).sort()).toEqual([1, 2, 3, 4]);
  });

  it('gives streams that differ by label and not by what was drawn before', () => {
    const a = seededRandom(1);
    const early = a.stream('x').uniform();
    a.uniform();
    expect(a.stream('x').uniform()).toBe(early);
    expect(a.stream('y').uniform()).not.toBe(early);
    expect(seededRandom(2).stream('x').uniform()).not.toBe(early);
  });
});
