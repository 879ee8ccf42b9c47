import type { AbcClass, XyzClass } from './classes.ts';

/** What a person should look at first, most pressing first. */
export const exceptionKinds = [
  /** Nothing is on hand, or less than customers wait for, and demand is expected. */
  'soldOut',
  /** The position will more likely be sold, before an order placed on the first day arrives, than the service level allows. */
  'runsOut',
  /** The forecast has it, but nobody tells its stock. */
  'noStock',
  /** The stock file has it, the forecast has not. */
  'noForecast',
  /** The limit of the plan leaves less than was wanted. */
  'cut',
  /** Pack or minimum order bring more than is wanted within the days after which stock is high. */
  'largeLot',
  /** Lead time and review period end after the forecast. */
  'beyondForecast',
  /** Stock is high. */
  'overstock',
] as const;
export type ExceptionKind = (typeof exceptionKinds)[number];

/** What a plan says of one item at one location; units, money in the merchant's own. null = not known. */
export interface PlanRow {
  readonly item: string;
  /** Empty where there are no locations. */
  readonly location: string;
  /** Item and location as people read them. */
  readonly name: string;
  readonly exceptions: readonly ExceptionKind[];
  /** Place among the orders by what they save for each unit of the limit (money, or room where that is limited), from 1; null where nothing is ordered. */
  readonly rank: number | null;
  readonly order: number;
  /** The order before the limit of the plan was shared out. */
  readonly wanted: number;
  readonly orderCost: number | null;
  /** Last day on which an order is in time, YYYY-MM-DD; null where that is after the forecast's end. */
  readonly orderBy: string | null;
  readonly state: 'low' | 'ok' | 'high' | null;
  readonly onHand: number | null;
  readonly onOrder: number | null;
  readonly backorders: number | null;
  readonly position: number | null;
  /** Lead time and review period, days, and what is expected to be sold in them. */
  readonly coverDays: number | null;
  readonly expectedDemand: number | null;
  /** The quantile of that demand at the service level. */
  readonly orderUpTo: number | null;
  readonly serviceLevel: number | null;
  readonly levelFrom: 'serviceLevel' | 'costs' | null;
  /** Probability, 0..1. */
  readonly runOutChance: number | null;
  /** Units above what makes stock high. */
  readonly excess: number;
  /** By how much the order lowers the expected cost of this lead time and review period, and that for each unit of money it costs; null without unit costs. */
  readonly gain: number | null;
  readonly gainPerMoney: number | null;
  readonly abc: AbcClass | null;
  readonly xyz: XyzClass | null;
  /** Whether the order is that of the plan before, which another one does not beat by enough. */
  readonly kept: boolean;
}

/** A plan of all items. */
export interface Plan {
  /** Those with exceptions first, the most pressing before the others; then by rank, then by name. */
  readonly rows: readonly PlanRow[];
  /** First day of the forecast, YYYY-MM-DD; undefined without forecasts. */
  readonly firstDay: string | undefined;
  readonly summary: PlanSummary;
}

export interface PlanSummary {
  readonly series: number;
  readonly orders: number;
  /** Of all orders; null where one has no unit cost. */
  readonly orderCost: number | null;
  readonly states: Readonly<Record<'low' | 'ok' | 'high', number>>;
  readonly exceptions: Readonly<Record<ExceptionKind, number>>;
  /** Orders that stay as they were in the plan before. */
  readonly kept: number;
  /** What ABC goes by: value where every item has a unit cost, else units. */
  readonly abcBy: 'value' | 'units';
}
