/** What cleaning did to a merchant's order lines, in counts; nothing in it names an item, a day or a quantity. */
export interface CleaningReport {
  readonly rowsRead: number;
  readonly rowsUsed: number;
  readonly duplicatesRemoved: number;
  /** Identical lines that were kept, because without an order number they may be two sales. */
  readonly identicalKept: number;
  readonly missingPeriodsFilled: number;
  readonly returnLines: number;
  readonly returnedUnits: number;
  readonly outliersCut: number;
  readonly stockOutPeriods: number;
  /** Periods at the end of the file that had not ended and were left out (0 or 1). */
  readonly incompletePeriods: number;
  readonly seriesRead: number;
  readonly seriesTooShort: number;
  readonly seriesAllZero: number;
  readonly seriesUsed: number;
  readonly zeroWindowsSkipped: number;
  /** Whole sentences about what the merchant may want to change. */
  readonly warnings: readonly string[];
}
