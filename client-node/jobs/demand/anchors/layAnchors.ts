import { DEMAND_ANCHORS, DEMAND_COLUMNS, DEMAND_ROWS, PATCH_PERIODS } from '@hansa/shared/model/jobs/demand';
import { rowOfPeriod, type WindowBatch } from '../windows.ts';
import type { Anchors } from './index.ts';

const LEAST_FACTOR = 0.05;

/** Writes a window's anchors into row `window` of a batch, in units of its scale. */
export function layAnchors(batch: WindowBatch, window: number, { forecasts, ahead }: Anchors): void {
  const { anchors, effects, futurePatches, scale } = batch;
  const periods = futurePatches * PATCH_PERIODS;
  const s = scale[window]!;
  for (let step = 0; step < ahead.length; step++) {
    effects[window * periods + step] = Math.log(Math.max(LEAST_FACTOR, ahead[step]!));
    const row = rowOfPeriod(window * periods + step);
    for (const [kind, { single, toDate }] of forecasts.entries()) {
      const at = (row * DEMAND_ANCHORS + kind) * DEMAND_COLUMNS;
      const atSum = at + PATCH_PERIODS * DEMAND_ANCHORS * DEMAND_COLUMNS;
      for (let column = 0; column < DEMAND_COLUMNS; column++) {
        anchors[at + column] = single[step * DEMAND_COLUMNS + column]! / s;
        anchors[atSum + column] = toDate[step * DEMAND_COLUMNS + column]! / (s * (step + 1));
      }
    }
  }
}

/** Numbers of a batch's `anchors`. */
export const anchorsLength = (count: number, futurePatches: number): number =>
  count * futurePatches * DEMAND_ROWS * DEMAND_ANCHORS * DEMAND_COLUMNS;
