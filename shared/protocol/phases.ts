/** What people and programs call one phase. */
interface Phase {
  /** Stages of secure aggregation that it holds. */
  readonly stages: readonly Stage[];
  /** The time it may take: its key in a task file's `deadlines`, and what it is where the file does not say. */
  readonly deadline?: { readonly key: `${string}Ms`; readonly standardMs: number };
  /** `short` for a narrow screen, `en` and `zh` for dashboards and reports. */
  readonly words: { readonly short: string; readonly en: string; readonly zh: string };
}

/** The stages of secure aggregation, in order: each waits for one message of every member, or for its deadline. */
export const stages = [
  'advertiseKeys',
  'shareKeys',
  'acknowledgeShares',
  'maskedInput',
  'signSurvivors',
  'revealShares',
] as const;
export type Stage = (typeof stages)[number];

/**
 * The phases of a round, in order. Only this file names them: a phase's key is its name in records, in the admin's status and in the labels of
 * metrics. The seconds of all phases sum to the round's.
 */
export const phases = {
  advertiseKeys: {
    stages: ['advertiseKeys'],
    deadline: { key: 'advertiseKeysMs', standardMs: 30_000 },
    words: { short: 'keys', en: 'advertise keys', zh: '公布密钥' },
  },
  shareKeys: {
    stages: ['shareKeys', 'acknowledgeShares'],
    deadline: { key: 'shareKeysMs', standardMs: 30_000 },
    words: { short: 'shares', en: 'share keys', zh: '分发密钥份额' },
  },
  /** Until every member has announced its vector. */
  train: {
    stages: ['maskedInput'],
    deadline: { key: 'trainMs', standardMs: 3_600_000 },
    words: { short: 'train', en: 'train', zh: '在本地训练' },
  },
  /** Vectors are uploaded; the deadline moves on while bytes arrive. */
  maskedInput: {
    stages: ['maskedInput'],
    deadline: { key: 'maskedInputMs', standardMs: 600_000 },
    words: { short: 'upload', en: 'upload masked updates', zh: '发送加掩码的更新' },
  },
  consistency: {
    stages: ['signSurvivors'],
    deadline: { key: 'consistencyMs', standardMs: 30_000 },
    words: { short: 'agree', en: 'agree on the survivors', zh: '就参与名单达成一致' },
  },
  unmask: {
    stages: ['revealShares'],
    deadline: { key: 'unmaskMs', standardMs: 30_000 },
    words: { short: 'unmask', en: 'unmask the sum', zh: '打开总和' },
  },
  publish: { stages: [], words: { short: 'publish', en: 'publish the model', zh: '发布模型' } },
} as const satisfies Record<string, Phase>;
export type RoundPhase = keyof typeof phases;
export const roundPhases = Object.keys(phases) as [RoundPhase, ...RoundPhase[]];

/** What a coordinator does while no round is in progress, in English words; `recruiting` has a deadline for nodes that come late. */
export const betweenRounds = {
  idle: { words: { en: 'idle' } },
  recruiting: { deadline: { key: 'recruitMs', standardMs: 2_000 }, words: { en: 'waiting for nodes' } },
} as const;
export type CoordinatorState = keyof typeof betweenRounds | RoundPhase;
export const coordinatorStates = [...Object.keys(betweenRounds), ...roundPhases] as readonly CoordinatorState[];

/** The phase that a stage of secure aggregation begins in. */
export const phaseOfStage = Object.fromEntries(
  stages.map((stage) => [stage, roundPhases.find((name) => (phases[name].stages as readonly Stage[]).includes(stage))]),
) as Readonly<Record<Stage, Exclude<RoundPhase, 'publish'>>>;

type DeadlineIn<Table> = { [Name in keyof Table]: Table[Name] extends { deadline: { key: infer Key } } ? Key : never };
/** A key of a task file's `deadlines`. */
export type DeadlineKey = DeadlineIn<typeof betweenRounds & typeof phases>[CoordinatorState] & string;

/** Every deadline of a task file with its standard, in ms. */
export const standardDeadlines = Object.fromEntries(
  [...Object.values(betweenRounds), ...Object.values(phases)].flatMap((one) =>
    'deadline' in one ? [[one.deadline.key, one.deadline.standardMs]] : [],
  ),
) as Readonly<Record<DeadlineKey, number>>;
