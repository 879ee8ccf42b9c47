import type { RoundPhase, TaskFile } from '@hansa/shared/protocol';
import type { DemoResult } from '../result.ts';
import type { Histogram } from './histogram.ts';

export type Interval = readonly [low: number, high: number];

/** One window of a merchant's hold-out: what was known, what was forecast, what came. */
export interface Forecast {
  /** First day of the first forecast period, YYYY-MM-DD. */
  readonly origin: string;
  readonly frequency: 'day' | 'week' | 'month';
  readonly series: string;
  /** Oldest first; null where nothing is known. */
  readonly history: readonly (number | null)[];
  /** null where nothing was observed. */
  readonly actual: readonly (number | null)[];
  /** Ascending; `quantiles[k]` is the forecast of `levels[k]`, one number a period. */
  readonly levels: readonly number[];
  readonly quantiles: readonly (readonly number[])[];
  readonly seasonalNaive: readonly number[];
}

/** Cleaning's counts by name, as the node reports them. */
export type CleaningCounts = Readonly<Record<string, number>>;

/** What one method's forecasts are worth on a hold-out; undefined where that does not tell. */
export interface MethodMeasures {
  readonly name: string;
  readonly wql: number | undefined;
  readonly wape: number | undefined;
  readonly mase: number | undefined;
  readonly bias: number | undefined;
  readonly coverage: number | undefined;
}

export interface MerchantReport {
  readonly id: string;
  /** 95 % intervals of WQL by method (bootstrap over series). */
  readonly wqlIntervals: Readonly<Record<string, Interval | undefined>>;
  /** 95 % intervals of WQL in per cent of local-only's, by method where the evaluation compared the two (paired bootstrap over series). */
  readonly againstLocal: Readonly<Record<string, Interval | undefined>>;
  /** The model that does best on its validation windows, with its WQL on the hold-out. */
  readonly toUse: { readonly method: string; readonly wql: number };
  /** Of every method that was compared, simple forecasts first. */
  readonly measures: readonly MethodMeasures[];
  /** That the merchant chose on its own validation windows. */
  readonly learningRates: { readonly localOnly: number; readonly fineTuned: number };
  readonly bytesSent: number;
  readonly cleaning: CleaningCounts;
  readonly forecast: Forecast | undefined;
}

/** What a round's record says beyond the JSON, members by merchant id. */
export interface RoundReport {
  readonly round: number;
  readonly attempt: number;
  readonly requiredSurvivors: number;
  readonly threshold: number;
  readonly droppedIn: Readonly<Record<string, RoundPhase>>;
  readonly rebuiltMasks: readonly { merchant: string; shares: number; threshold: number; holders: number }[];
  /** The merchant that the demo killed in this round. */
  readonly killed: string | undefined;
  readonly sumExact: boolean | undefined;
}

/** One vector before and after its masks went on, from a demo node's own folder. */
export interface SeenVector {
  readonly merchant: string;
  readonly round: number;
  readonly numbers: number;
  readonly masked: Histogram;
  readonly unmasked: Histogram;
}

export interface ReportData {
  readonly result: DemoResult;
  /** Local time of the start, YYYY-MM-DD HH:MM. */
  readonly startedAt: string;
  readonly source:
    | { readonly kind: 'generated'; readonly world: string }
    | { readonly kind: 'files'; readonly name: string };
  readonly merchants: readonly MerchantReport[];
  readonly rounds: readonly RoundReport[];
  readonly seen: SeenVector | undefined;
  readonly engineReason: string;
  readonly cores: number;
  readonly model: { readonly size: string; readonly hash: string; readonly parameters: number; readonly path: string };
  readonly task: TaskFile;
  readonly fineTuneSteps: number;
  readonly versions: Readonly<Record<string, string>>;
  /** The command that repeats this run. */
  readonly command: string;
}
