export { fedAvg } from './fedAvg.ts';
export type { Strategy } from './strategy.ts';
