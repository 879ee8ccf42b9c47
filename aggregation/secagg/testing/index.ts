/** Simulated rounds of the reducers alone, for tests of this package and of those that use it. */
export { closeBox, openBox } from '../boxes.ts';
export { drawHolders } from '../graph.ts';
export { pairMaskKey, pairSign, selfMaskKey } from '../maskKeys.ts';
export { type LeagueOptions, ReducerLeague } from './reducerLeague.ts';
export { type LeagueConfig, leagueConfig, leagueNowMs, withScales } from './setting.ts';
export { type DropPoint, SimulatedNode } from './simulatedNode.ts';
export { collect, unmaskedSum, wordsOf } from './vectors.ts';
