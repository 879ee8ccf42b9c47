/** What a policy knows when it may order. */
export interface StockNow {
  /** From 0. */
  readonly period: number;
  /** Units. */
  readonly onHand: number;
  readonly onOrder: number;
}

/** A demand history and the rules under which it is replayed. */
export interface Replay {
  /** Units asked for in each period, at least 0. */
  readonly demand: ArrayLike<number>;
  /** Units on hand before the first period. */
  readonly initial: number;
  /** Periods between two chances to order, a whole number from 1; the first period is one. */
  readonly reviewPeriods: number;
  /** Whole periods, 0 or more, from an order in this period to its arrival, before that period's demand. */
  readonly leadPeriods: (period: number) => number;
  /** Units to order, at least 0. */
  readonly order: (now: StockNow) => number;
  /** What it costs to hold a unit from one period to the next, and to miss one that was asked for. */
  readonly holdingCost: number;
  readonly shortageCost: number;
}

/** What a policy would have brought. */
export interface Outcome {
  /** Share of the units asked for that were there; 1 where none was. */
  readonly fillRate: number;
  /** Periods in which something was missing. */
  readonly stockOutPeriods: number;
  readonly demand: number;
  readonly sold: number;
  /** Units that were asked for and not there: these sales are lost. */
  readonly lost: number;
  readonly ordered: number;
  readonly received: number;
  /** Mean over the ends of the periods. */
  readonly meanOnHand: number;
  readonly endOnHand: number;
  readonly endOnOrder: number;
  readonly holdingCost: number;
  readonly shortageCost: number;
  /** Of holding and missing. */
  readonly cost: number;
}

/**
 * Replays a demand history under a policy. In each period orders arrive, the policy may order, and demand is served from what is there; what is missing is lost.
 *
 * @throws RangeError (when demand, an order or a lead time is none)
 */
export function simulate(replay: Replay): Outcome {
  const { demand, initial, reviewPeriods, leadPeriods, order, holdingCost, shortageCost } = replay;
  const due = new Map<number, number>();
  let [onHand, onOrder] = [initial, 0];
  const total = { demand: 0, sold: 0, ordered: 0, received: 0, held: 0, stockOutPeriods: 0 };
  const receive = (period: number) => {
    const units = due.get(period) ?? 0;
    due.delete(period);
    onHand += units;
    onOrder -= units;
    total.received += units;
  };
  for (let period = 0; period < demand.length; period++) {
    receive(period);
    if (period % reviewPeriods === 0) {
      const units = order({ period, onHand, onOrder });
      const lead = leadPeriods(period);
      if (!(units >= 0 && Number.isFinite(units))) throw new RangeError(`an order of ${units} units`);
      if (!(Number.isSafeInteger(lead) && lead >= 0)) throw new RangeError(`a lead time of ${lead} periods`);
      due.set(period + lead, (due.get(period + lead) ?? 0) + units);
      onOrder += units;
      total.ordered += units;
      if (lead === 0) receive(period);
    }
    const asked = demand[period]!;
    if (!(asked >= 0 && Number.isFinite(asked))) throw new RangeError(`a demand of ${asked} units`);
    const sold = Math.min(onHand, asked);
    onHand -= sold;
    total.demand += asked;
    total.sold += sold;
    total.held += onHand;
    if (sold < asked) total.stockOutPeriods += 1;
  }
  const lost = total.demand - total.sold;
  return {
    fillRate: total.demand === 0 ? 1 : total.sold / total.demand,
    stockOutPeriods: total.stockOutPeriods,
    demand: total.demand,
    sold: total.sold,
    lost,
    ordered: total.ordered,
    received: total.received,
    meanOnHand: demand.length === 0 ? initial : total.held / demand.length,
    endOnHand: onHand,
    endOnOrder: onOrder,
    holdingCost: total.held * holdingCost,
    shortageCost: lost * shortageCost,
    cost: total.held * holdingCost + lost * shortageCost,
  };
}
