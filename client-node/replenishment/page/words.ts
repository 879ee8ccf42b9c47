import type { ExceptionKind, PlanRow } from '../planRow.ts';
import type { PlanLanguage } from '../words.ts';

/** What a plan's page has a section for: what needs a person, then orders, then the rest. */
export type Group = ExceptionKind | 'orders' | 'rest';

/** The words of the page of a plan. */
export interface Words {
  readonly lang: string;
  readonly title: string;
  readonly lead: (items: number, firstDay: string) => string;
  readonly rest: (shown: number, items: number) => string;
  readonly search: string;
  readonly nothingFound: string;
  readonly tiles: Readonly<Record<'orders' | 'cost' | 'exceptions' | 'low' | 'high' | 'kept', string>>;
  readonly groups: Readonly<Record<Group, string>>;
  readonly states: Readonly<Record<NonNullable<PlanRow['state']>, string>>;
  readonly order: (units: string) => string;
  readonly noOrder: string;
  readonly by: (day: string) => string;
  readonly later: string;
  readonly cost: (money: string) => string;
  readonly saves: (money: string) => string;
  readonly position: string;
  readonly ordered: string;
  readonly expected: string;
  readonly wanted: string;
  readonly classes: string;
  readonly number: (value: number) => string;
  readonly exact: (value: number) => string;
}

const numberIn = (locale: string) => (value: number) =>
  value.toLocaleString(locale, { maximumFractionDigits: Math.abs(value) < 10 ? 1 : 0 });
const exactIn = (locale: string) => (value: number) => value.toLocaleString(locale, { maximumFractionDigits: 6 });

const english: Words = {
  lang: 'en',
  title: 'Order plan',
  lead: (items, firstDay) =>
    `${items.toLocaleString('en-US')} items, for the morning of ${firstDay}. What needs a person comes first, then orders by what they save for what they cost.`,
  rest: (shown, items) =>
    `The page shows ${shown.toLocaleString('en-US')} of ${items.toLocaleString('en-US')} items: all of them are in the CSV and JSON files.`,
  search: 'Search items and locations',
  nothingFound: 'No item or location has this in its name.',
  tiles: {
    orders: 'to order',
    cost: 'cost of all orders',
    exceptions: 'need a person',
    low: 'low stock',
    high: 'high stock',
    kept: 'orders stay as they were',
  },
  groups: {
    soldOut: 'Sold out',
    runsOut: 'Sells out before an order arrives',
    noStock: 'Stock not known',
    noForecast: 'Without a forecast',
    cut: 'Cut by the limit',
    largeLot: 'Packs or minimum order are large',
    beyondForecast: 'Planned beyond the forecast',
    overstock: 'Too much stock',
    orders: 'Orders',
    rest: 'Nothing to do',
  },
  states: { low: 'low', ok: 'ok', high: 'high' },
  order: (units) => `Order ${units}`,
  noOrder: 'No order',
  by: (day) => `by ${day} at the latest`,
  later: 'not before the forecast ends',
  cost: (money) => `costs ${money}`,
  saves: (money) => `saves ${money}`,
  position: 'at disposal',
  ordered: 'order',
  expected: 'expected demand',
  wanted: 'wanted for the service level',
  classes: 'class',
  number: numberIn('en-US'),
  exact: exactIn('en-US'),
};

const chinese: Words = {
  lang: 'zh-Hans',
  title: '订货计划',
  lead: (items, firstDay) =>
    `${items.toLocaleString('zh-CN')} 个商品，以 ${firstDay} 早晨为准。需要人工处理的排在最前，其后的订单按每单位成本所省排序。`,
  rest: (shown, items) =>
    `本页显示 ${items.toLocaleString('zh-CN')} 个商品中的 ${shown.toLocaleString('zh-CN')} 个；全部商品见 CSV 和 JSON 文件。`,
  search: '搜索商品和地点',
  nothingFound: '没有名称中包含该文字的商品或地点。',
  tiles: {
    orders: '需订购',
    cost: '全部订单成本',
    exceptions: '需人工处理',
    low: '库存偏低',
    high: '库存偏高',
    kept: '沿用的订单',
  },
  groups: {
    soldOut: '已售罄',
    runsOut: '到货前会售罄',
    noStock: '库存未知',
    noForecast: '没有预测',
    cut: '受限额削减',
    largeLot: '包装或最小订购量过大',
    beyondForecast: '计划超出预测期',
    overstock: '库存过多',
    orders: '订单',
    rest: '无需处理',
  },
  states: { low: '偏低', ok: '正常', high: '偏高' },
  order: (units) => `订购 ${units}`,
  noOrder: '不订购',
  by: (day) => `最迟 ${day}`,
  later: '预测期内无需订货',
  cost: (money) => `成本 ${money}`,
  saves: (money) => `可省 ${money}`,
  position: '可用',
  ordered: '订购',
  expected: '预计需求',
  wanted: '服务水平所需',
  classes: '类别',
  number: numberIn('zh-CN'),
  exact: exactIn('zh-CN'),
};

export const pageWords: Readonly<Record<PlanLanguage, Words>> = { en: english, zh: chinese };
