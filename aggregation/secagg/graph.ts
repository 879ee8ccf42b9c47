/**
 * Who holds whose shares, and between whom pairwise masks run. Only the complete graph for now; a k-out graph answers the same two questions.
 */
export interface Graph {
  /** P_i, ascending, over roster indexes: who gets a share of i's secrets; the place in it, from 1, is the share's x. */
  holdersOf(order: readonly number[], index: number): readonly number[];
  /** E_i, ascending: the members of `sharers` with whom i shares a pairwise mask. */
  edgesOf(sharers: readonly number[], index: number): readonly number[];
}

/** Everybody holds everybody's shares, its own included, and masks with everybody else. */
export const completeGraph: Graph = {
  holdersOf: (order) => order,
  edgesOf: (sharers, index) => sharers.filter((member) => member !== index),
};
