import { dayNumber, weekdayOf, yearlyDays } from './calendar.ts';
import { firstDay, items, lastDay, sharedWorld, unrelatedWorld } from './constants.ts';
import type { SeededRandom } from './seededRandom.ts';

export const worlds = ['shared', 'unrelated'] as const;
export type World = (typeof worlds)[number];

/** How the log of expected demand moves with the day and with a promotion in one category. */
interface Category {
  readonly name: string;
  readonly logOfDay: (day: number) => number;
  readonly logOfPromotion: (discount: number) => number;
}

interface LevelWalk {
  readonly persistence: number;
  readonly stdDevLog: number;
  readonly jumpsPerYear: number;
  readonly jumpLog: number;
}

/** Everything about a merchant that is not one item's own. */
export interface MerchantStructure {
  readonly categories: readonly Category[];
  /** Size of the negative binomial: small is wild. */
  readonly dispersion: number;
  /** Units come in multiples of this. */
  readonly pack: number;
  readonly level: LevelWalk;
  /** 0 Monday to 6 Sunday, or undefined when open all week. */
  readonly closedWeekday: number | undefined;
}

interface Festival {
  readonly days: readonly number[];
  readonly before: number;
  readonly after: number;
}

const from = dayNumber(firstDay);
const to = dayNumber(lastDay);

/** 0 away from a festival, rising to 1 on its day, falling off after it. */
function nearness(festival: Festival, day: number): number {
  let result = 0;
  for (const top of festival.days) {
    const offset = day - top;
    if (offset < -festival.before || offset > festival.after) continue;
    result = Math.max(
      result,
      offset <= 0 ? ((festival.before + 1 + offset) / (festival.before + 1)) ** 1.5 : 1 - offset / (festival.after + 1),
    );
  }
  return result;
}

/** Tables over the days of the history, so that an item's simulation only reads them. */
function tabulate(logOf: (day: number) => number): (day: number) => number {
  const table = Float64Array.from({ length: to - from + 1 }, (_, i) => logOf(from + i));
  return (day) => table[day - from] ?? logOf(day);
}

function centred(values: number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

function yearly(amplitude: number, peakDay: number): (day: number) => number {
  return (day) => amplitude * Math.cos((2 * Math.PI * (day - peakDay)) / 365.25);
}

/** What all merchants of the shared world have in common: by category the week, the year, the festivals and the response to a promotion. */
function sharedCategories(random: SeededRandom): {
  name: string;
  weekday: number[];
  yearly: { amplitude: number; peakDay: number };
  festivals: number[];
  elasticity: number;
  flagLog: number;
}[] {
  return sharedWorld.categories.map((name) => {
    const own = random.stream(`category/${name}`);
    const { weekendLog, stdDevLog } = sharedWorld.weekday;
    const { mean, stdDev, low, high } = sharedWorld.festivalResponse;
    return {
      name,
      weekday: centred(Array.from({ length: 7 }, (_, i) => own.normal(i >= 5 ? weekendLog : 0, stdDevLog))),
      yearly: {
        amplitude: own.between(sharedWorld.yearly.amplitudeLow, sharedWorld.yearly.amplitudeHigh),
        peakDay: own.between(0, 365.25),
      },
      festivals: sharedWorld.festivals.map(
        ({ strength }) => strength * Math.min(high, Math.max(low, own.normal(mean, stdDev))),
      ),
      elasticity: own.between(sharedWorld.elasticity.low, sharedWorld.elasticity.high),
      flagLog: own.between(sharedWorld.flagLog.low, sharedWorld.flagLog.high),
    };
  });
}

function sharedMerchant(common: SeededRandom, own: SeededRandom): MerchantStructure {
  const festivals: Festival[] = sharedWorld.festivals.map(({ month, day, before, after }) => ({
    days: yearlyDays(month, day, from, to),
    before,
    after,
  }));
  const stray = (): number => own.normal(0, sharedWorld.merchantStdDevLog);
  const { low, high } = sharedWorld.categoriesPerMerchant;
  const chosen = own.shuffle(sharedCategories(common)).slice(0, own.integer(low, high));
  return {
    categories: chosen.map((category) => {
      const weekday = category.weekday.map((value) => value + stray());
      const year = yearly(category.yearly.amplitude + stray(), category.yearly.peakDay);
      const response = category.festivals.map((value) => value + stray());
      const elasticity = category.elasticity * Math.exp(stray());
      return {
        name: category.name,
        logOfDay: tabulate(
          (day) =>
            weekday[weekdayOf(day)]! +
            year(day) +
            festivals.reduce((sum, festival, k) => sum + response[k]! * nearness(festival, day), 0),
        ),
        logOfPromotion: (discount) => category.flagLog - elasticity * Math.log(1 - discount),
      };
    }),
    dispersion: sharedWorld.dispersion,
    pack: 1,
    level: { ...sharedWorld.level, jumpsPerYear: 0, jumpLog: 0 },
    closedWeekday: undefined,
  };
}

function unrelatedMerchant(own: SeededRandom, index: number): MerchantStructure {
  const { categoriesPerMerchant, festivals, promotionLog, yearly: year } = unrelatedWorld;
  const calendar: (Festival & { strength: number })[] = Array.from({ length: festivals.count }, () => ({
    days: yearlyDays(own.integer(1, 12), own.integer(1, 28), from, to),
    before: festivals.before,
    after: festivals.after,
    strength: own.between(festivals.strengthLow, festivals.strengthHigh),
  }));
  const names = unrelatedWorld.categories.slice(0, own.integer(categoriesPerMerchant.low, categoriesPerMerchant.high));
  const sellsMore = index % 2 === 0;
  return {
    categories: names.map((name) => {
      const weekday = centred(Array.from({ length: 7 }, () => own.normal(0, unrelatedWorld.weekday.stdDevLog)));
      const season = yearly(own.between(year.amplitudeLow, year.amplitudeHigh), own.between(0, 365.25));
      const response = sellsMore
        ? own.between(promotionLog.gainLow, promotionLog.gainHigh)
        : own.between(promotionLog.lossLow, promotionLog.lossHigh);
      return {
        name,
        logOfDay: tabulate(
          (day) =>
            weekday[weekdayOf(day)]! +
            season(day) +
            calendar.reduce((sum, festival) => sum + festival.strength * nearness(festival, day), 0),
        ),
        logOfPromotion: (discount) => response * (0.5 + discount / 0.4),
      };
    }),
    dispersion: own.pick(unrelatedWorld.dispersions),
    pack: own.pick(unrelatedWorld.packs),
    level: own.pick(unrelatedWorld.levels),
    closedWeekday: own.uniform() < unrelatedWorld.closedDayShare ? own.integer(0, 6) : undefined,
  };
}

/** Draws a merchant of a world; in the shared one `common` is the same stream for every merchant. */
export function drawMerchant(world: World, common: SeededRandom, own: SeededRandom, index: number): MerchantStructure {
  return world === 'shared' ? sharedMerchant(common, own) : unrelatedMerchant(own, index);
}

/** Mean sales a day of one item before calendar, promotion and level. */
export function drawItemRate(random: SeededRandom): number {
  const { regularPerDay, intermittentShare, intermittentPerDay } = items;
  return random.uniform() < intermittentShare
    ? random.between(intermittentPerDay.low, intermittentPerDay.high)
    : regularPerDay.median * Math.exp(random.normal(0, regularPerDay.logStdDev));
}
