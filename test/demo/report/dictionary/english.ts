import { phases, type RoundPhase } from '@hansa/shared/protocol';
import type { Method } from '../../result.ts';
import type { Verdict } from '../../verdict.ts';
import { cleaningEnglish } from './cleaningWords.ts';
import { figureStyle } from './figureStyle.ts';
import { forecastsEnglish } from './forecastWords.ts';

const en = figureStyle('en-GB', '\u00a0', ' to ');

const few = (count: number, one: string, many: string): string => (count === 1 ? one : many);

/** Every text of the report in English. */
export const english = {
  ...en,
  languageName: 'English',
  pageTitle: 'Hansa: was the league worth it?',
  tagline: 'One model, trained together. No order ever left its merchant.',
  subtitle: (merchants: number, rounds: number, when: string) =>
    `${merchants} merchants, ${rounds} ${few(rounds, 'round', 'rounds')}, run on ${when}`,
  sourceGenerated: (world: string) => `Invented orders, world “${world}”`,
  sourceFiles: (name: string) => `Real orders from ${name}`,
  chooseLanguage: 'Language',

  verdictHelped: 'The league helped',
  verdictDidNotHelp: 'The league did not help',
  verdictFirst: (v: Verdict) =>
    v.helped
      ? `${v.gained} of ${v.merchants} merchants forecast better with the fine-tuned league model than with a model of their own, the error in the middle case falling by ${en.percent(v.medianAgainstLocal)} and at best, for ${v.best.id}, by ${en.percent(v.best.percent)}.`
      : v.gained * 2 > v.merchants
        ? `${v.gained} of ${v.merchants} merchants forecast better with the fine-tuned league model than with a model of their own, but ${
            v.smallInTheMiddle
              ? `in the middle case the error changed by only ${en.change(v.medianAgainstLocal)}, too little to be worth it`
              : v.average.high < 0
                ? `the league model as it comes, before any tuning, is worse than their own in the middle case (${en.change(v.medianOfLeagueModel)}): it holds nothing that they have in common, and what is left of a gain comes of averaging and tuning`
                : `what they gained does not outweigh what others lost by more than chance: on average the error changed by ${en.change(v.average.percent)} (95 % interval ${en.span(v.average.low, v.average.high)})`
          }.`
        : `${v.gained === 0 ? 'None' : `Only ${v.gained}`} of ${v.merchants} merchants forecast better with the fine-tuned league model than with a model of their own, and in the middle case the error changed by ${en.change(v.medianAgainstLocal)}.`,
  verdictSecond: (v: Verdict) => {
    const losses =
      v.lost === 0
        ? `Nobody lost, the least lucky being ${v.worst.id} (${en.change(v.worst.percent)})`
        : v.lost === 1
          ? `One lost, ${v.worst.id} (${en.change(v.worst.percent)}), and should keep its own model`
          : `${v.lost} lost, ${v.worst.id} the most (${en.change(v.worst.percent)}), and should keep their own models`;
    const simple =
      v.worseThanSimple.length === 0
        ? `for all ${v.merchants}`
        : `for ${v.betterThanSimple} of ${v.merchants}, not for ${v.worseThanSimple.join(', ')}`;
    return `${losses}; the fine-tuned model beat the simple forecast that does best there ${simple} (${en.change(v.medianAgainstSimple)} in the middle case).`;
  },
  tileGained: 'merchants gained',
  tileMedian: 'change of error, middle merchant',
  tileWorst: (id: string) => `worst merchant: ${id}`,
  tileExact: 'every sum checked',
  exactYes: 'exact',
  exactNo: 'WRONG',
  tileRows: 'order lines, none of which left its merchant',
  of: (part: number, whole: number) => `${part} of ${whole}`,

  changeHeading: 'Who gained, and by how much',
  changeCaption:
    'Change of the forecast error (WQL, on orders that no model saw) when a merchant uses the league model, fine-tuned at home, instead of a model trained on its own orders alone with as many steps. Left of the line is better. Whiskers: 95 % of bootstrap samples.',
  better: 'better',
  worse: 'worse',

  roundsHeading: 'What happened in each round',
  roundsCaption: 'Each bar is one attempt at a round, as long as it took. The numbers on the bar are the phases below.',
  phase: (phase: RoundPhase): string => phases[phase].words.en,
  round: (round: number) => `Round ${round}`,
  committed: 'committed',
  abandoned: 'abandoned',
  participants: 'took part',
  participantsValue: (reported: number, selected: number, required: number) =>
    `${reported} of ${selected}; at least ${required} needed`,
  dropped: 'dropped out',
  nobody: 'nobody',
  droppedIn: (id: string, phase: string) => `${id} (${phase})`,
  traffic: 'bytes in / out',
  trafficValue: (up: string, down: string) => `${up} / ${down}`,
  loss: 'training loss',
  seconds: (seconds: number) => `${en.number(seconds, 1)} s`,
  duration: 'time',
  sum: 'unmasked sum',
  sumChecked: 'equals the sum of the nodes’ own updates',
  sumWrong: 'DIFFERS from the sum of the nodes’ own updates',
  sumUnknown: 'not opened',
  roundAll: 'All took part; the sum is exact.',
  roundKilled: (id: string, shares: number, holders: number) =>
    `${id} was killed after it had handed out its key shares. ${shares} of ${holders} shares rebuilt its masks, so the others' sum could still be opened: it is exact.`,
  roundRebuilt: (id: string, shares: number, holders: number) =>
    `${id} dropped out. ${shares} of ${holders} shares rebuilt its masks; the sum is exact.`,
  roundEarly: (ids: string) => `${ids} dropped out before any mask depended on it; the sum is exact.`,
  roundAbandoned: (reason: string) => `Given up (${reason}): no partial sum was opened. The round was tried again.`,
  roundWrong: 'The sum is NOT that of the nodes’ own updates.',

  seenHeading: 'What the coordinator saw',
  seenCaption: (merchant: string, round: number, numbers: number) =>
    `The same update of ${merchant} in round ${round}, ${en.number(numbers)} numbers, as it left and as it was. The right picture comes from the node's own folder in this demo; the coordinator never has it.`,
  seenMasked: 'As it left: masked',
  seenUnmasked: 'As it was: private',
  seenMaskedNote: (share: number, bins: number) =>
    `Every value is as likely as every other: the fullest of ${bins} bins holds ${en.percent(100 * share)}, an even spread would be ${en.percent(100 / bins)}. Alone it says nothing.`,
  seenUnmaskedNote: (share: number) =>
    `A clear shape around zero: the fullest bin holds ${en.percent(100 * share)}. Only the sum over all members is ever opened.`,
  seenMaskedAxis: '0 to 4 294 967 295 (the whole ring)',
  seenUnmaskedAxis: (range: number) => `−${en.number(range)} to ${en.number(range)} steps of rounding`,
  seenAxisCount: 'how many numbers',
  seenWho: 'what the coordinator saw',
  seenWhoNot: 'taken from the demo node’s own folder',

  merchantsHeading: 'Merchant by merchant',
  merchantsCaption:
    'Four forecasts of the same hold-out, and the simple one that does best on it. WQL is the error over the whole range of a forecast, WAPE that of its middle; smaller is better. The dashed line is “own data only”. Whiskers and intervals hold 95 % of bootstrap samples over the merchant’s items; those in the table are of the difference to “own data only”.',
  bestSimple: 'Best simple one',
  forecast: (name: string): string => forecastsEnglish[name] ?? name,
  allForecasts: 'Every forecast by every measure',
  allCaption:
    'MASE is the error of the middle, item by item, where 1 is what repeating the season before is off by. Bias is by what share the middle is too high (+) or too low (−) in all. Coverage is the share of periods between the 10 % and the 90 % quantile: 80 % is best.',
  mase: 'MASE',
  bias: 'bias',
  coverage: 'coverage',
  methods: {
    seasonalNaive: 'Seasonal naive',
    localOnly: 'Own data only',
    federated: 'League model',
    fineTuned: 'League, fine-tuned',
  } satisfies Record<Method, string>,
  method: 'forecast',
  wql: 'WQL',
  wape: 'WAPE',
  againstOwn: 'WQL against own data',
  stayed: 'stayed',
  left: 'left',
  rowsStayed: (rows: number, series: number) =>
    `${en.number(rows)} order lines, ${en.number(series)} ${few(series, 'series', 'series')}`,
  budgetValue: (steps: number) => `${en.number(steps)} steps`,
  bytesLeft: (bytes: string) => `${bytes}, unreadable alone`,
  budget: 'training',
  toUse: 'model to use',
  withWql: (name: string, wql: number) => `${name}: WQL ${wql.toFixed(3)}`,
  ownRates: 'learning rates chosen',
  ownRatesValue: (alone: number, tuning: number) => `${alone} alone, ${tuning} for fine-tuning`,
  forecastHeading: (series: string) => `Forecast of ${series}`,
  forecastLegend: {
    history: 'sold before',
    actual: 'sold in fact',
    median: 'forecast, middle',
    band: (low: string, high: string) => `${low} to ${high} of cases`,
    naive: 'seasonal naive',
  },
  forecastFrom: (origin: string) => `forecast from ${origin}`,
  forecastMissing: 'No forecast to draw.',
  cleaningHeading: 'What cleaning did',
  cleaning: (name: string): string => cleaningEnglish[name] ?? name,
  nothingToClean: 'nothing to clean',

  notProtectedHeading: 'What is NOT protected',
  notProtected: [
    'The sum. Everyone sees the new model, and a model can give away something about the orders behind it. Without noise (differential privacy, not in this demo) there is no bound on how much.',
    'One member against all the others. If all but one work together, they can subtract their own updates and have the last one’s.',
    'Who took part, when, how large messages were and how long training took.',
    'Names that only one member uses. A row of the model that only one merchant touches stands bare in the sum.',
    'The quality of what is sent. A member can send rubbish, or poison, under its mask, and nobody can tell who did.',
    'The model’s honesty. Nothing proves that the coordinator published the true sum.',
    'A broken-into or copied machine, and traffic recorded today against the computers of tomorrow: the keys are not post-quantum.',
    'This demo itself: all processes ran on one machine, and its nodes kept their updates on disk so that the sums could be checked. A real node keeps none.',
  ],

  factsHeading: 'Facts for whoever wants to check',
  factModel: 'model (SHA-256)',
  factModelPath: 'model file',
  factModelSize: 'size',
  modelSize: (size: string, parameters: number) => `${size}, ${en.number(parameters)} numbers`,
  factEngine: 'engine',
  factCores: 'cores',
  factSeed: 'seed',
  factTime: 'whole demo',
  factMemory: 'coordinator, peak memory',
  factPlan: 'each round',
  planValue: (steps: number, batch: number, rate: number) =>
    `${steps} steps of ${batch} windows at learning rate ${rate}`,
  factPilots: 'learning rate chosen by pilots',
  pilotValue: (rate: number, loss: string) => `validation loss ${loss} at ${rate}`,
  factFineTune: 'fine-tuning',
  fineTuneValue: (steps: number) => `${steps} steps`,
  factClip: 'clip norm',
  factWeighting: 'weights',
  weighting: {
    uniform: 'all members count the same',
    examples: 'by number of training examples, in buckets',
    rootOfExamples: 'by the square root of the number of training examples, in buckets',
  },
  factThreshold: 'shares that open a mask',
  factVersions: 'versions',
  factCommand: 'repeat this run',
  taskFile: 'The whole task file',
  unknown: 'unknown',
  madeBy: 'Written by npm run demo. This file loads nothing from anywhere.',
};

/** Every text of the report in one language. A language that lacks one does not compile. */
export type Dictionary = typeof english;
