import type { StrategyName } from '@hansa/shared/protocol';

/** A vector that a strategy keeps from round to round, as long as what its task trains. */
export interface StateVector {
  readonly name: string;
  /** Every number of it before the first round. */
  readonly initial: number;
}

/** A piece of a round, the same places of each vector; all are of one length. */
export interface Tile {
  /** The round's model. */
  readonly base: Float32Array;
  /** The mean update. */
  readonly mean: Float64Array;
  /** The strategy's vectors in their order: from the round before when `apply` is called, of this round when it returns. */
  readonly state: readonly Float32Array[];
  /** Takes the next model. */
  readonly out: Float32Array;
}

/** What the strategy knows of a round beside its mean update. */
export interface RoundFacts {
  /** Mean number of local steps, weighted, as a share of the most that a member takes; 1 where the strategy does not ask for it. */
  readonly stepShare: number;
}

/** How a mean update becomes the next model, tile by tile over the flat vector. */
export interface Strategy {
  readonly name: StrategyName;
  /** Empty where nothing is kept. */
  readonly state: readonly StateVector[];
  /**
   * Writes the next model into `out` and the next state over `state`, each number rounded to float32 once.
   *
   * @throws RangeError (when the vectors differ in length or number)
   */
  apply(tile: Tile, facts: RoundFacts): void;
  /**
   * Writes the next c over a tile of SCAFFOLD's c, from the mean change of the members' control variates; absent where members have none.
   *
   * @param memberShare |S|/N: the members in the sum as a share of all that have been in any sum of the task
   * @throws RangeError (when the two differ in length)
   */
  applyControl?(control: Float32Array, mean: Float64Array, memberShare: number): void;
}

/** @throws RangeError (when the tile's vectors differ in length, or there are not `count` of state) */
export function assertTile({ base, mean, state, out }: Tile, count: number): void {
  if (state.length !== count) throw new RangeError(`The strategy keeps ${count} vectors, the tile has ${state.length}`);
  if ([mean, out, ...state].some(({ length }) => length !== base.length))
    throw new RangeError('The vectors of the tile differ in length');
}
