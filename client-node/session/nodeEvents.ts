import type { EngineChoice } from '../compute/index.ts';
import type { LoadedData } from '../trainer/index.ts';

/** Where a node is in a round, in order. */
export type NodeStage = 'downloading' | 'training' | 'masking' | 'uploading';

/** What a running node tells whoever watches it. */
export type NodeEvent =
  | { readonly type: 'dataReady'; readonly data: readonly LoadedData[]; readonly engine: EngineChoice }
  | { readonly type: 'connected'; readonly address: string }
  | { readonly type: 'disconnected'; readonly reason: string }
  | { readonly type: 'rosterPinned'; readonly epoch: number; readonly members: number; readonly known: number }
  | { readonly type: 'taskAccepted'; readonly taskId: string; readonly rounds: number }
  | { readonly type: 'setupOpened'; readonly taskId: string; readonly attempt: number }
  | { readonly type: 'roundStarted'; readonly taskId: string; readonly round: number; readonly cohort: number }
  | {
      readonly type: 'progress';
      readonly taskId: string;
      readonly round: number;
      readonly stage: NodeStage;
      /** Bytes, or optimiser steps while training. */
      readonly done: number;
      readonly total: number;
      readonly loss?: number;
    }
  /** The training process has gone by itself; another one was started. */
  | { readonly type: 'trainingRestarted'; readonly reason: string }
  /** A round's training goes on after `done` of `total` steps, from a checkpoint. */
  | {
      readonly type: 'trainingResumed';
      readonly taskId: string;
      readonly round: number;
      readonly done: number;
      readonly total: number;
    }
  | {
      readonly type: 'stageDone';
      readonly taskId: string;
      readonly round: number;
      readonly stage: NodeStage;
      readonly total: number;
    }
  | {
      readonly type: 'roundCommitted';
      readonly taskId: string;
      readonly round: number;
      readonly included: boolean;
      readonly survivors: number;
      readonly newModelHash: string;
    }
  | { readonly type: 'roundAbandoned'; readonly taskId: string; readonly code: string; readonly reason: string }
  /** Somebody was caught contradicting itself; the proof is kept (hansa-client evidence show ID). */
  | { readonly type: 'evidence'; readonly id: string; readonly member: number | undefined }
  /** A message of the coordinator that was refused, or one of this node's that the coordinator refused; the node goes on. */
  | {
      readonly type: 'refused';
      readonly name: string;
      readonly by: 'node' | 'coordinator';
      readonly code: string;
      readonly message: string;
    }
  | {
      readonly type: 'taskEnded';
      readonly taskId: string;
      readonly outcome: 'completed' | 'aborted';
      readonly modelHash: string;
    };

export type OnNodeEvent = (event: NodeEvent) => void;
