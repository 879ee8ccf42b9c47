import type { MemberStage, RoundPhase } from '@hansa/shared/protocol';

/** What one merchant's process is doing, in words for the screen. */
export type Activity =
  | { readonly kind: 'starting' | 'ready' | 'killed' | 'restarting' | 'evaluating' | 'evaluated' }
  | { readonly kind: 'member'; readonly stage: MemberStage; readonly done: number; readonly total: number };

export interface MerchantState {
  readonly id: string;
  /** Order lines; undefined until the node has counted them. */
  rows: number | undefined;
  activity: Activity;
  /** Bytes that left in rounds that have ended. */
  bytesSent: number;
  /** Bytes that left in the running round. */
  bytesSendingNow: number;
}

/** Everything the screen shows while the demo runs. Written by the demo, read by pure functions. */
export interface ScreenState {
  readonly startedMs: number;
  /** `tried`: it has computed here; before that it is the one that will be tried first. */
  engine: { readonly name: string; readonly reason: string; readonly tried: boolean };
  readonly cores: number;
  expectedMinutes: number | undefined;
  /** `ready`: it answers there. */
  coordinator: { readonly address: string; readonly ready: boolean } | undefined;
  /** Rounds of the task that runs. */
  rounds: number;
  /** The pilot that runs: which of how many, and what it tries. */
  pilot: { readonly number: number; readonly count: number; readonly learningRate: number } | undefined;
  stage: 'starting' | 'training' | 'evaluating' | 'reporting';
  running: { round: number; attempt: number; phase: RoundPhase } | undefined;
  /** Loss of each committed round of the task that runs. */
  readonly losses: number[];
  readonly merchants: MerchantState[];
  /** One line in plain words for each thing that happened, oldest first. */
  readonly story: string[];
}
