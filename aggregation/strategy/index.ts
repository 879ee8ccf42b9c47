export type { StateVector, Strategy, Tile } from './strategy.ts';
export { strategyFor } from './strategyFor.ts';
