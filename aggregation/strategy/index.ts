export { meanStepsOf, strategyReport, updateScale, withoutStrategyReport } from './localSteps.ts';
export type { RoundFacts, StateVector, Strategy, Tile } from './strategy.ts';
export { strategyFor } from './strategyFor.ts';
