/** What one item at one location will sell: distributions of each period ahead, and of the sums up to each. */
export interface SeriesForecast {
  readonly item: string;
  /** Empty where the data has no locations. */
  readonly location: string;
  /** Item and location as people read them. */
  readonly name: string;
  readonly frequency: 'day' | 'week' | 'month';
  /** First day of each period, YYYY-MM-DD: H of them. */
  readonly periods: readonly string[];
  /** Of the quantiles, ascending. */
  readonly levels: readonly number[];
  /** [H][levels] units in each period, at least 0. */
  readonly quantiles: readonly (readonly number[])[];
  /** [H] */
  readonly mean: readonly number[];
  /** [H][levels] units from the first period to the end of each, at least 0. Not the sums of `quantiles`: periods do not all go well or badly together. */
  readonly quantilesToDate: readonly (readonly number[])[];
  /** [H] */
  readonly meanToDate: readonly number[];
  /** Units of the newest periods, oldest first; null where the item was sold out. */
  readonly history: readonly (number | null)[];
  /** Units on hand before the first period, as the order files tell; null where they do not. */
  readonly stock: number | null;
}
