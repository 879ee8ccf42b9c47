import { dateOf, weekdayOf } from './calendar.ts';
import { faults, inventory, items, promotions } from './constants.ts';
import type { SeededRandom } from './seededRandom.ts';
import { drawItemRate, type MerchantStructure } from './structure.ts';

export interface ItemPlan {
  readonly name: string;
  readonly firstDay: number;
  readonly lastDay: number;
  /** Factor on the item's sales: the merchant's size. */
  readonly volume: number;
  readonly promotionsPerYear: number;
}

/** The lines of one item, `date,order,item,quantity,price,promotion,stock,category`, oldest first. */
export function itemLines(plan: ItemPlan, merchant: MerchantStructure, random: SeededRandom): string[] {
  const category = random.pick(merchant.categories);
  const rate = drawItemRate(random) * plan.volume;
  const length = plan.lastDay - plan.firstDay + 1;
  const start =
    random.uniform() < items.launchedLateShare
      ? plan.firstDay + random.integer(0, Math.floor(length / 2))
      : plan.firstDay;
  const basePrice = items.price.median * Math.exp(random.normal(0, items.price.logStdDev));
  const discounts = drawPromotions(plan, random);
  const { level, pack } = merchant;

  const losses = random.stream('lost lines');
  const lines: string[] = [];
  let walk = 0;
  let usual = rate;
  let onHand = Math.ceil(rate * inventory.coverDays) + pack;
  let onOrder = 0;
  const arrivals = new Map<number, number>();
  const order = (day: number, quantity: number): void => {
    const late = random.uniform() < inventory.lateShare ? random.integer(1, inventory.lateDays) : 0;
    const arrival = day + random.integer(inventory.leadDays.low, inventory.leadDays.high) + late;
    arrivals.set(arrival, (arrivals.get(arrival) ?? 0) + quantity);
    onOrder += quantity;
  };

  for (let day = start; day <= plan.lastDay; day++) {
    const arrived = arrivals.get(day) ?? 0;
    onHand += arrived;
    onOrder -= arrived;
    walk = level.persistence * walk + random.normal(0, level.stdDevLog);
    if (random.uniform() < level.jumpsPerYear / 365) walk += random.normal(0, level.jumpLog);

    const offset = day - plan.firstDay;
    const discount = discounts[offset]!;
    const response = discount > 0 ? category.logOfPromotion(discount) : 0;
    let dip = 1;
    for (let back = 1; discount === 0 && back <= promotions.dipAfter.days; back++) {
      const earlier = discounts[offset - back] ?? 0;
      if (earlier > 0 && category.logOfPromotion(earlier) > 0) dip = 1 - promotions.dipAfter.share;
    }
    const closed = weekdayOf(day) === merchant.closedWeekday;
    const mean = closed ? 0 : rate * dip * Math.exp(category.logOfDay(day) + response + walk);
    const demand = pack * random.negativeBinomial(mean / pack, merchant.dispersion);
    const sold = Math.min(demand, onHand);
    onHand -= sold;
    usual += 0.08 * (sold - usual);

    const price = (basePrice * (1 + items.price.yearlyRise) ** Math.floor(offset / 365) * (1 - discount)).toFixed(2);
    const line = (quantity: number): string =>
      `${dateOf(day)},${quantity < 0 ? 'return' : 'sale'}-${plan.name}-${offset},${plan.name},${quantity},${price},${discount > 0 ? 1 : 0},${onHand},${category.name}`;
    if (sold > 0 || discount > 0 || (onHand === 0 && !closed)) {
      const slipped = sold > 0 && random.uniform() < faults.slipShare;
      lines.push(line(slipped ? sold * 10 : sold));
      if (random.uniform() < faults.duplicateShare) lines.push(lines.at(-1)!);
      if (sold > 0 && random.uniform() < faults.returnShare)
        lines.push(line(-Math.min(sold, random.integer(1, 2) * pack)));
    } else if (losses.uniform() >= faults.lostLineShare) {
      // A day without a sale is stated too: without its line nobody knows that there was no promotion.
      lines.push(line(0));
    }

    const upcoming = discounts[offset + inventory.leadDays.high] ?? 0;
    if (upcoming > 0) order(day, Math.ceil((usual * inventory.promotionCover) / pack) * pack);
    if (onHand + onOrder < usual * inventory.reorderDays + pack) {
      order(day, Math.ceil((usual * inventory.coverDays) / pack) * pack);
    }
  }
  return lines;
}

/** The discount of each day of the history, 0 where there is no promotion. */
function drawPromotions(plan: ItemPlan, random: SeededRandom): Float64Array {
  const discounts = new Float64Array(plan.lastDay - plan.firstDay + 1);
  const chance = plan.promotionsPerYear / 365;
  for (let i = 0; i < discounts.length; i++) {
    if (random.uniform() >= chance) continue;
    const discount = random.pick(promotions.discounts);
    const end = Math.min(discounts.length, i + random.integer(promotions.days.low, promotions.days.high));
    discounts.fill(discount, i, end);
    i = end;
  }
  return discounts;
}
