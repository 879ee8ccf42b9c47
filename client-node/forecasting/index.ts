export type { SeriesForecast } from './seriesForecast.ts';
