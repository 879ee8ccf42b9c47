import { phases, type RoundPhase } from '@hansa/shared/protocol';
import type { Method } from '../result.ts';
import type { Verdict } from '../verdict.ts';

const minus = (text: string): string => text.replace('-', '−');

interface Style {
  number(value: number, digits?: number): string;
  /** A change with its sign: −4.2 %. */
  change(percent: number): string;
  /** An interval of changes: −4.2 to +1.0 %. */
  span(low: number, high: number): string;
  /** A size without its sign: 4.2 %. */
  percent(percent: number): string;
  bytes(bytes: number): string;
}

function styleOf(locale: string, space: string, to: string): Style {
  const number = (value: number, digits = 0): string =>
    new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
  const signed = (percent: number): string => {
    const sign = Number(percent.toFixed(1)) === 0 ? '±' : percent < 0 ? '−' : '+';
    return `${sign}${number(Math.abs(percent), 1)}`;
  };
  return {
    number: (value, digits) => minus(number(value, digits)),
    change: (percent) => `${signed(percent)}${space}%`,
    span: (low, high) => `${signed(low)}${to}${signed(high)}${space}%`,
    percent: (percent) => `${number(Math.abs(percent), 1)}${space}%`,
    bytes: (bytes) => {
      const units = ['B', 'kB', 'MB', 'GB', 'TB'];
      let unit = 0;
      let value = bytes;
      while (value >= 1000 && unit < units.length - 1) {
        value /= 1000;
        unit++;
      }
      return `${number(value, unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`;
    },
  };
}

const en = styleOf('en-GB', '\u00a0', ' to ');
const zh = styleOf('zh-CN', '', ' 至 ');

const few = (count: number, one: string, many: string): string => (count === 1 ? one : many);

const english = {
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
    const naive =
      v.worseThanNaive.length === 0
        ? `for all ${v.merchants}`
        : `for ${v.betterThanNaive} of ${v.merchants}, not for ${v.worseThanNaive.join(', ')}`;
    return `${losses}; the fine-tuned model beat seasonal naive ${naive} (${en.change(v.medianAgainstNaive)} in the middle case).`;
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
    'Four forecasts of the same hold-out. WQL is the error over the whole range of a forecast, WAPE that of its middle; smaller is better. The dashed line is “own data only”. Whiskers and intervals hold 95 % of bootstrap samples over the merchant’s items; those in the table are of the difference to “own data only”.',
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

const cleaningEnglish: Record<string, string> = {
  rowsRead: 'lines read',
  rowsUsed: 'lines used',
  duplicatesRemoved: 'duplicates removed',
  identicalKept: 'identical lines kept',
  missingPeriodsFilled: 'missing periods filled with zero',
  returnLines: 'lines that are returns',
  returnedUnits: 'units returned',
  outliersCut: 'outliers cut',
  stockOutPeriods: 'periods sold out',
  incompletePeriods: 'incomplete periods left out',
  seriesRead: 'series read',
  seriesTooShort: 'series too short',
  seriesAllZero: 'series without a sale',
  seriesUsed: 'series used',
  zeroWindowsSkipped: 'empty windows skipped',
};

const cleaningChinese: Record<string, string> = {
  rowsRead: '读入行数',
  rowsUsed: '使用行数',
  duplicatesRemoved: '删除的重复行',
  identicalKept: '保留的相同行',
  missingPeriodsFilled: '以零补上的缺失时段',
  returnLines: '退货行',
  returnedUnits: '退货件数',
  outliersCut: '截去的异常值',
  stockOutPeriods: '缺货时段',
  incompletePeriods: '舍去的不完整时段',
  seriesRead: '读入的序列',
  seriesTooShort: '过短的序列',
  seriesAllZero: '没有销量的序列',
  seriesUsed: '使用的序列',
  zeroWindowsSkipped: '跳过的全零窗口',
};

const chinese: Dictionary = {
  ...zh,
  languageName: '中文',
  pageTitle: 'Hansa：这个联盟值得加入吗？',
  tagline: '共同训练一个模型，订单从未离开各自的商家。',
  subtitle: (merchants, rounds, when) => `${merchants} 家商家，${rounds} 轮，运行于 ${when}`,
  sourceGenerated: (world) => `虚构订单，“${world}” 世界`,
  sourceFiles: (name) => `真实订单，来自 ${name}`,
  chooseLanguage: '语言',

  verdictHelped: '联盟有帮助',
  verdictDidNotHelp: '联盟没有帮助',
  verdictFirst: (v) =>
    v.helped
      ? `${v.merchants} 家商家中有 ${v.gained} 家用微调后的联盟模型比只用自己的模型预测得更准，居中商家的误差下降 ${zh.percent(v.medianAgainstLocal)}，获益最多的是 ${v.best.id}，下降 ${zh.percent(v.best.percent)}。`
      : v.gained * 2 > v.merchants
        ? `${v.merchants} 家商家中有 ${v.gained} 家用微调后的联盟模型比只用自己的模型预测得更准，但${
            v.smallInTheMiddle
              ? `居中商家的误差变化仅为 ${zh.change(v.medianAgainstLocal)}，太小，不值得为此费力`
              : v.average.high < 0
                ? `未经微调的联盟模型在居中商家不如其自己的模型（${zh.change(v.medianOfLeagueModel)}）：它不包含各家共有的规律，余下的收益来自平均与微调本身`
                : `它们的收益并未以超出偶然的幅度抵过其他商家的损失：误差平均变化 ${zh.change(v.average.percent)}（95% 区间 ${zh.span(v.average.low, v.average.high)}）`
          }。`
        : `${v.merchants} 家商家中${v.gained === 0 ? '没有一家' : `只有 ${v.gained} 家`}用微调后的联盟模型比只用自己的模型预测得更准，居中商家的误差变化为 ${zh.change(v.medianAgainstLocal)}。`,
  verdictSecond: (v) => {
    const losses =
      v.lost === 0
        ? `没有商家受损，收益最小的是 ${v.worst.id}（${zh.change(v.worst.percent)}）`
        : v.lost === 1
          ? `有 1 家受损，即 ${v.worst.id}（${zh.change(v.worst.percent)}），应继续使用自己的模型`
          : `有 ${v.lost} 家受损，最多的是 ${v.worst.id}（${zh.change(v.worst.percent)}），应继续使用自己的模型`;
    const naive =
      v.worseThanNaive.length === 0
        ? `在全部 ${v.merchants} 家`
        : `在 ${v.merchants} 家中的 ${v.betterThanNaive} 家（不含 ${v.worseThanNaive.join('、')}）`;
    return `${losses}；微调后的模型${naive}胜过季节性朴素预测（居中商家 ${zh.change(v.medianAgainstNaive)}）。`;
  },
  tileGained: '家商家获益',
  tileMedian: '居中商家的误差变化',
  tileWorst: (id) => `结果最差的商家：${id}`,
  tileExact: '每次求和均经核对',
  exactYes: '精确',
  exactNo: '有误',
  tileRows: '行订单，均未离开各自的商家',
  of: (part, whole) => `${part} / ${whole}`,

  changeHeading: '谁获益，获益多少',
  changeCaption:
    '商家改用在本地微调的联盟模型，而不是以同样步数只用自己订单训练的模型时，预测误差（WQL，取自任何模型都没见过的订单）的变化。竖线左侧为更好。须线：95% 的自助抽样。',
  better: '更好',
  worse: '更差',

  roundsHeading: '每一轮发生了什么',
  roundsCaption: '每一条代表一轮的一次尝试，长度即所用时间。条上的数字对应下列阶段。',
  phase: (phase) => phases[phase].words.zh,
  round: (round) => `第 ${round} 轮`,
  committed: '已提交',
  abandoned: '已放弃',
  participants: '参与',
  participantsValue: (reported, selected, required) => `${reported} / ${selected}；至少需要 ${required} 家`,
  dropped: '掉线',
  nobody: '无',
  droppedIn: (id, phase) => `${id}（${phase}）`,
  traffic: '流入 / 流出字节',
  trafficValue: (up, down) => `${up} / ${down}`,
  loss: '训练损失',
  seconds: (seconds) => `${zh.number(seconds, 1)} 秒`,
  duration: '用时',
  sum: '去掩码后的总和',
  sumChecked: '与各节点自存更新之和相等',
  sumWrong: '与各节点自存更新之和不相等',
  sumUnknown: '未打开',
  roundAll: '全部参与；总和精确。',
  roundKilled: (id, shares, holders) =>
    `${id} 在交出密钥份额之后被强行终止。${holders} 份中的 ${shares} 份重建了它的掩码，其余商家的总和仍可打开，且结果精确。`,
  roundRebuilt: (id, shares, holders) => `${id} 掉线。${holders} 份中的 ${shares} 份重建了它的掩码；总和精确。`,
  roundEarly: (ids) => `${ids} 在任何掩码依赖于它之前掉线；总和精确。`,
  roundAbandoned: (reason) => `已放弃（${reason}）：没有打开任何部分和，随后重试了这一轮。`,
  roundWrong: '总和与各节点自存的更新不符。',

  seenHeading: '协调者看到了什么',
  seenCaption: (merchant, round, numbers) =>
    `${merchant} 在第 ${round} 轮的同一个更新（${zh.number(numbers)} 个数）：离开时的样子与原本的样子。右图取自本演示中该节点自己的文件夹，协调者从未拥有它。`,
  seenMasked: '离开时：已加掩码',
  seenUnmasked: '原本：私有',
  seenMaskedNote: (share, bins) =>
    `每个取值的可能性相同：${bins} 个区间中最满的占 ${zh.percent(100 * share)}，均匀分布应为 ${zh.percent(100 / bins)}。单独来看，它什么也说明不了。`,
  seenUnmaskedNote: (share) =>
    `在零附近有清晰的形状：最满的区间占 ${zh.percent(100 * share)}。被打开的永远只有全体成员的总和。`,
  seenMaskedAxis: '0 至 4 294 967 295（整个环）',
  seenUnmaskedAxis: (range) => `−${zh.number(range)} 至 ${zh.number(range)} 个舍入步长`,
  seenAxisCount: '数的个数',
  seenWho: '协调者看到的',
  seenWhoNot: '取自演示节点自己的文件夹',

  merchantsHeading: '逐家商家',
  merchantsCaption:
    '对同一保留期的四种预测。WQL 是预测整个范围的误差，WAPE 是其中值的误差；越小越好。虚线为“仅用自己的数据”。须线与区间包含按该商家商品自助抽样的 95%；表中的区间是与“仅用自己的数据”之差的区间。',
  methods: {
    seasonalNaive: '季节性朴素预测',
    localOnly: '仅用自己的数据',
    federated: '联盟模型',
    fineTuned: '联盟模型，微调后',
  },
  method: '预测方法',
  wql: 'WQL',
  wape: 'WAPE',
  againstOwn: 'WQL 相对自有数据',
  stayed: '留下的',
  left: '离开的',
  rowsStayed: (rows, series) => `${zh.number(rows)} 行订单，${zh.number(series)} 个序列`,
  budgetValue: (steps) => `${zh.number(steps)} 步`,
  bytesLeft: (bytes) => `${bytes}，单独无法读懂`,
  budget: '训练',
  ownRates: '选定的学习率',
  ownRatesValue: (alone, tuning) => `单独训练 ${alone}，微调 ${tuning}`,
  forecastHeading: (series) => `${series} 的预测`,
  forecastLegend: {
    history: '此前销量',
    actual: '实际销量',
    median: '预测中值',
    band: (low, high) => `${low} 至 ${high} 的情形`,
    naive: '季节性朴素预测',
  },
  forecastFrom: (origin) => `自 ${origin} 起预测`,
  forecastMissing: '没有可画的预测。',
  cleaningHeading: '清洗做了什么',
  cleaning: (name) => cleaningChinese[name] ?? name,
  nothingToClean: '无需清洗',

  notProtectedHeading: '哪些不受保护',
  notProtected: [
    '总和。人人都能看到新模型，而模型可能泄露其背后订单的一些信息。若不加噪声（差分隐私，本演示未启用），泄露多少没有上限。',
    '一家对其余所有家。如果除一家以外的所有成员联手，他们可以减去自己的更新，得到最后一家的更新。',
    '谁参与了、何时参与、消息多大、训练用了多久。',
    '只有一家使用的名称。模型中只有一家商家触及的那一行，会毫无遮掩地出现在总和里。',
    '所发送内容的质量。成员可以在掩码之下发送无用甚至有毒的内容，没有人能分辨是谁所为。',
    '模型的真实性。没有任何证明表明协调者发布的是真正的总和。',
    '被入侵或被复制的机器，以及今天被录下、留待未来计算机破解的流量：密钥并非抗量子的。',
    '本演示自身：所有进程都运行在一台机器上，节点把更新保存在磁盘上以便核对总和。真实的节点不会保存。',
  ],

  factsHeading: '供核对的事实',
  factModel: '模型（SHA-256）',
  factModelPath: '模型文件',
  factModelSize: '规模',
  modelSize: (size, parameters) => `${size}，${zh.number(parameters)} 个数`,
  factEngine: '计算引擎',
  factCores: '核心数',
  factSeed: '种子',
  factTime: '整个演示',
  factMemory: '协调者内存峰值',
  factPlan: '每一轮',
  planValue: (steps, batch, rate) => `${steps} 步，每步 ${batch} 个窗口，学习率 ${rate}`,
  factPilots: '学习率由试验轮选定',
  pilotValue: (rate, loss) => `${rate} 时验证损失 ${loss}`,
  factFineTune: '微调',
  fineTuneValue: (steps) => `${steps} 步`,
  factClip: '裁剪范数',
  factWeighting: '权重',
  weighting: { uniform: '所有成员权重相同', examples: '按训练样本数分档', rootOfExamples: '按训练样本数的平方根分档' },
  factThreshold: '打开一个掩码所需的份额',
  factVersions: '版本',
  factCommand: '重复本次运行',
  taskFile: '完整的任务文件',
  unknown: '未知',
  madeBy: '由 npm run demo 写成。本文件不从任何地方加载内容。',
};

export const dictionaries = { en: english, zh: chinese } as const;
