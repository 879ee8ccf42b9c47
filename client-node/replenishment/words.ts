import type { ExceptionKind, PlanRow } from './planRow.ts';

export const planLanguages = ['en', 'zh'] as const;
export type PlanLanguage = (typeof planLanguages)[number];

/** The sentences that say why. */
interface ReasonWords {
  readonly noStock: string;
  readonly noForecast: string;
  readonly position: (row: Known) => string;
  readonly demand: (row: Known) => string;
  readonly order: (row: Known) => string;
  readonly enough: string;
  readonly tooSmall: string;
  readonly more: Readonly<Partial<Record<ExceptionKind, (row: Known) => string>>>;
  readonly kept: string;
}

/** A row of which both forecast and stock are known. */
type Known = { readonly [Key in keyof PlanRow]: NonNullable<PlanRow[Key]> };

const numberIn = (locale: string) => {
  const [fine, coarse] = [1, 0].map(
    (maximumFractionDigits) => new Intl.NumberFormat(locale, { maximumFractionDigits }),
  );
  return (value: number) => (Math.abs(value) < 10 ? fine! : coarse!).format(value);
};
const units = { en: numberIn('en-US'), zh: numberIn('zh-CN') };
/** What was counted or is to be ordered, in full. */
const counted = new Intl.NumberFormat('en-US', { maximumFractionDigits: 6 });
const exact = (value: number) => counted.format(value);
const inHundred = (share: number) => {
  const count = 100 * share;
  return count > 99 ? '99+' : count < 1 ? '<1' : count.toFixed(0);
};

const english: ReasonWords = {
  noStock: 'No file tells what is there.',
  noForecast: 'The order files have no sales under this name, so there is no forecast.',
  position: ({ position, onHand, onOrder, backorders }) =>
    onOrder === 0 && backorders === 0
      ? `${exact(onHand)} on hand.`
      : `${exact(position)} at disposal: ${exact(onHand)} on hand${onOrder === 0 ? '' : `, ${exact(onOrder)} on order`}${backorders === 0 ? '' : `, less ${exact(backorders)} that customers wait for`}.`,
  demand: ({ coverDays, expectedDemand, orderUpTo, serviceLevel, levelFrom }) =>
    `Before an order placed at the next chance arrives, ${exact(coverDays)} days from now, ${units.en(expectedDemand)} are expected to sell; ${units.en(orderUpTo)} are enough in ${inHundred(serviceLevel)} of 100 cases${levelFrom === 'costs' ? ', the level that its costs make best' : ''}.`,
  order: ({ wanted }) => `Order ${exact(wanted)}.`,
  enough: 'No order is needed.',
  tooSmall: 'An order would cost more than it saves.',
  more: {
    soldOut: () => 'Nothing is left to sell now.',
    runsOut: ({ runOutChance }) =>
      `In ${inHundred(runOutChance)} of 100 cases it sells out before an order of today arrives.`,
    cut: ({ order }) => `The plan's limit leaves ${exact(order)}.`,
    largeLot: () => 'Packs or the minimum order bring more than is wanted.',
    beyondForecast: () => 'The forecast ends before that day and is prolonged.',
    overstock: ({ excess }) => `That is ${units.en(excess)} more than even a long view needs.`,
  },
  kept: 'The order of the plan before stays: another one would save too little.',
};

const chinese: ReasonWords = {
  noStock: '没有文件说明现有库存。',
  noForecast: '订单文件中没有以此名称的销售，因此没有预测。',
  position: ({ position, onHand, onOrder, backorders }) =>
    onOrder === 0 && backorders === 0
      ? `现有库存 ${exact(onHand)}。`
      : `可用 ${exact(position)}：现有 ${exact(onHand)}${onOrder === 0 ? '' : `，在途 ${exact(onOrder)}`}${backorders === 0 ? '' : `，减去客户欠货 ${exact(backorders)}`}。`,
  demand: ({ coverDays, expectedDemand, orderUpTo, serviceLevel, levelFrom }) =>
    `在下一次订货到货之前的 ${exact(coverDays)} 天内，预计售出 ${units.zh(expectedDemand)}；每 100 次中有 ${inHundred(serviceLevel)} 次 ${units.zh(orderUpTo)} 就够${levelFrom === 'costs' ? '（该水平由其成本得出）' : ''}。`,
  order: ({ wanted }) => `订购 ${exact(wanted)}。`,
  enough: '无需订购。',
  tooSmall: '订购的成本高于所省。',
  more: {
    soldOut: () => '现在已无货可卖。',
    runsOut: ({ runOutChance }) => `每 100 次中有 ${inHundred(runOutChance)} 次会在今天的订单到货前售罄。`,
    cut: ({ order }) => `受计划限额所限，只订 ${exact(order)}。`,
    largeLot: () => '包装或最小订购量超出所需。',
    beyondForecast: () => '预测期在此之前结束，按其速度延长。',
    overstock: ({ excess }) => `比长远所需还多 ${units.zh(excess)}。`,
  },
  kept: '沿用上次计划的订单：更改所省太少。',
};

const reasonWords: Readonly<Record<PlanLanguage, ReasonWords>> = { en: english, zh: chinese };

/** Why this is proposed, in whole sentences. */
export function reasonOf(row: PlanRow, language: PlanLanguage): string {
  const words = reasonWords[language];
  if (row.exceptions.includes('noStock')) return words.noStock;
  if (row.exceptions.includes('noForecast')) return words.noForecast;
  const known = row as Known;
  const need = known.orderUpTo - known.position;
  const what = row.wanted > 0 ? words.order(known) : need > 0 ? words.tooSmall : words.enough;
  const more = row.exceptions.map((kind) => words.more[kind]?.(known) ?? '');
  const sentences = [words.position(known), words.demand(known), what, ...more, row.kept ? words.kept : ''];
  return sentences.filter((sentence) => sentence !== '').join(language === 'zh' ? '' : ' ');
}
