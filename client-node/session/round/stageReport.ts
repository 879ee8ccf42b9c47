import type { Clock } from '@hansa/shared/clock';
import { type Progress, progressSchema } from '@hansa/shared/protocol';
import { z } from 'zod';
import type { Connection } from '../connection.ts';
import type { NodeStage, OnNodeEvent } from '../nodeEvents.ts';

/** How often the coordinator is told how far a stage is. */
const TELL_EVERY_MS = 500;

/** What the coordinator calls a stage that is done, where it is told. */
const doneStages: Readonly<Partial<Record<NodeStage, Progress['stage']>>> = {
  training: 'trained',
  uploading: 'uploaded',
};

export interface StageReportPorts {
  readonly clock: Clock;
  readonly connection: Pick<Connection, 'send'>;
  readonly onEvent: OnNodeEvent;
}

/** Reports how far one round's work is: every step to the node's own screen and log, and every half second, without the loss, to the coordinator. */
export class StageReport {
  readonly #taskId: string;
  readonly #round: number;
  readonly #ports: StageReportPorts;
  #lastToldMs = Number.NEGATIVE_INFINITY;

  constructor(taskId: string, round: number, ports: StageReportPorts) {
    this.#taskId = taskId;
    this.#round = round;
    this.#ports = ports;
  }

  /** A stage begins; the coordinator is told at once. */
  begin(stage: NodeStage, total: number): void {
    this.#lastToldMs = Number.NEGATIVE_INFINITY;
    this.progress(stage, 0, total);
  }

  /** `done` of `total` bytes, or optimiser steps while training. */
  progress(stage: NodeStage, done: number, total: number, loss?: number): void {
    const { clock, onEvent } = this.#ports;
    const place = { taskId: this.#taskId, round: this.#round, stage };
    onEvent({ type: 'progress', ...place, done, total, ...(loss !== undefined && { loss }) });
    const nowMs = clock.now();
    if (nowMs - this.#lastToldMs < TELL_EVERY_MS) return;
    this.#lastToldMs = nowMs;
    this.#tell(stage, done, total);
  }

  /** Training goes on from a checkpoint. */
  resumed(done: number, total: number): void {
    this.#ports.onEvent({ type: 'trainingResumed', taskId: this.#taskId, round: this.#round, done, total });
  }

  done(stage: NodeStage, total: number): void {
    this.#ports.onEvent({ type: 'stageDone', taskId: this.#taskId, round: this.#round, stage, total });
    const told = doneStages[stage];
    if (told !== undefined) this.#tell(told, total, total);
  }

  #tell(stage: Progress['stage'], done: number, total: number): void {
    const body = z.encode(progressSchema, { taskId: this.#taskId, round: this.#round, stage, done, total });
    void this.#ports.connection.send('progress', body).catch(() => undefined);
  }
}
