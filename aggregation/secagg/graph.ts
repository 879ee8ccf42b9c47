import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import { type RandomSource, uniformInt } from '@hansa/shared/random';

/** Who holds whose shares, and between whom pairwise masks run. */
export type Graph = 'complete' | 'kOut';

/** The graph that a task's rule asks for. */
export const graphOf = ({ rule }: Pick<SecAggConfig, 'rule'>): Graph =>
  rule === 'complete-two-thirds' ? 'complete' : 'kOut';

/**
 * P_i, ascending: who gets a share of i's secrets; the place in it, from 1, is the share's x.
 *
 * Complete: everybody, i itself included. k-out: `count` others, drawn by i itself: a graph fixed by public values could be ground by choosing keys.
 */
export function drawHolders(
  graph: Graph,
  order: readonly number[],
  index: number,
  count: number,
  random: RandomSource,
): readonly number[] {
  if (graph === 'complete') return order;
  const pool = order.filter((member) => member !== index);
  if (count > pool.length) throw new RangeError(`${count} holders cannot be drawn from ${pool.length}`);
  for (let place = 0; place < count; place++) {
    const from = place + uniformInt(random, pool.length - place);
    [pool[place], pool[from]] = [pool[from]!, pool[place]!];
  }
  return pool.slice(0, count).sort((left, right) => left - right);
}

/** Whether a dealer's holders are ones that {@link drawHolders} can have drawn. */
export function areHolders(
  graph: Graph,
  order: readonly number[],
  dealer: number,
  count: number,
  holders: readonly number[],
): boolean {
  if (graph === 'complete')
    return holders.length === order.length && holders.every((holder, place) => holder === order[place]);
  const members = new Set(order);
  return (
    holders.length === count &&
    holders.every(
      (holder, place) => holder !== dealer && members.has(holder) && (place === 0 || holders[place - 1]! < holder),
    )
  );
}

/** E_i, ascending: the members of `sharers` with whom i shares a pairwise mask, which are its holders and those whose holder it is. */
export function edgesOf(
  sharers: readonly number[],
  index: number,
  holders: ReadonlySet<number>,
  dealers: ReadonlySet<number>,
): readonly number[] {
  return sharers.filter((member) => member !== index && (holders.has(member) || dealers.has(member)));
}
