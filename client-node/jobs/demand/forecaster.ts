import { DEMAND_COLUMNS, DEMAND_QUANTILES, PATCH_PERIODS } from '@hansa/shared/model/jobs/demand';
import type { SeriesForecast } from '../../forecasting/seriesForecast.ts';
import type { Forecaster } from '../job.ts';
import { type MerchantData, rowOfPeriod, type WindowBatch } from './windows.ts';

const QUANTILES = DEMAND_QUANTILES.length;
/** Periods of history that a forecast shows. */
const SHOWN_PERIODS = 52;

/** Demand of the periods after the newest one, of every series. */
export const demandForecaster: Forecaster<WindowBatch> = {
  mostPeriods: (data) => (data as MerchantData).horizonPeriods,
  read(data, indices, batch, answers, periods) {
    const { frequency, describeNow } = data as MerchantData;
    return indices.map((index, window): SeriesForecast => {
      const rows = Array.from({ length: periods }, (_, step) => rowsOf(answers, batch, window, step));
      const { item, location, name, periodsAhead, history, stock } = describeNow(index);
      return {
        item,
        location,
        name,
        frequency,
        periods: periodsAhead.slice(0, periods),
        levels: DEMAND_QUANTILES,
        quantiles: rows.map(({ single }) => single.quantiles),
        mean: rows.map(({ single }) => single.mean),
        quantilesToDate: rows.map(({ toDate }) => toDate.quantiles),
        meanToDate: rows.map(({ toDate }) => toDate.mean),
        history: [...history.slice(-SHOWN_PERIODS)].map((units) => (Number.isNaN(units) ? null : units)),
        stock: Number.isNaN(stock) ? null : stock,
      };
    });
  },
};

/** A period's answers in units, alone and summed from the first period on. */
function rowsOf(answers: Float32Array, { scale, futurePatches }: WindowBatch, window: number, step: number) {
  const row = rowOfPeriod(window * futurePatches * PATCH_PERIODS + step);
  const units = scale[window]!;
  return {
    single: rowOf(answers, row, units),
    // The head says what a period of the sum is worth in the mean.
    toDate: rowOf(answers, row + PATCH_PERIODS, units * (step + 1)),
  };
}

function rowOf(answers: Float32Array, row: number, factor: number): { quantiles: number[]; mean: number } {
  const at = row * DEMAND_COLUMNS;
  const values = Array.from(answers.subarray(at, at + DEMAND_COLUMNS), (value) =>
    // Six digits: more than any forecast is worth.
    Number(Math.max(0, value * factor).toPrecision(6)),
  );
  return { quantiles: values.slice(0, QUANTILES), mean: values[QUANTILES]! };
}
