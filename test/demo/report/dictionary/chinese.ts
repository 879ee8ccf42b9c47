import { phases } from '@hansa/shared/protocol';
import { cleaningChinese } from './cleaningWords.ts';
import type { Dictionary } from './english.ts';
import { figureStyle } from './figureStyle.ts';
import { forecastsChinese } from './forecastWords.ts';

const zh = figureStyle('zh-CN', '', ' 至 ');

/** Every text of the report in Chinese. */
export const chinese: Dictionary = {
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
    const simple =
      v.worseThanSimple.length === 0
        ? `在全部 ${v.merchants} 家`
        : `在 ${v.merchants} 家中的 ${v.betterThanSimple} 家（不含 ${v.worseThanSimple.join('、')}）`;
    return `${losses}；微调后的模型${simple}胜过该商家表现最好的简单预测（居中商家 ${zh.change(v.medianAgainstSimple)}）。`;
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
    '对同一保留期的四种预测，以及在其上表现最好的简单预测。WQL 是预测整个范围的误差，WAPE 是其中值的误差；越小越好。虚线为“仅用自己的数据”。须线与区间包含按该商家商品自助抽样的 95%；表中的区间是与“仅用自己的数据”之差的区间。',
  bestSimple: '最佳简单预测',
  forecast: (name) => forecastsChinese[name] ?? name,
  allForecasts: '所有预测与所有指标',
  allCaption:
    'MASE 是逐个商品的中值误差，1 表示与照搬上一季相同的误差。偏差是中值总体偏高（+）或偏低（−）的比例。覆盖率是落在 10% 与 90% 分位数之间的时期所占比例：80% 最佳。',
  mase: 'MASE',
  bias: '偏差',
  coverage: '覆盖率',
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
  toUse: '建议使用的模型',
  withWql: (name, wql) => `${name}：WQL ${wql.toFixed(3)}`,
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
