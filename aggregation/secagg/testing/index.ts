/** A whole league in one process, for tests of this package and of those that use it. */
export {
  collect,
  type DropPoint,
  League,
  type LeagueNode,
  type LeagueOptions,
  leagueConfig,
  unmaskedSum,
  wordsOf,
} from './league.ts';
