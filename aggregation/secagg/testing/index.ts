/** A whole league in one process, for tests of this package and of those that use it. */
export { closeBox, openBox } from '../boxes.ts';
export { drawHolders } from '../graph.ts';
export { pairMaskKey, pairSign, selfMaskKey } from '../maskKeys.ts';
export {
  collect,
  type DropPoint,
  League,
  type LeagueConfig,
  type LeagueNode,
  type LeagueOptions,
  leagueConfig,
  leagueNowMs,
  unmaskedSum,
  withScales,
  wordsOf,
} from './league.ts';
