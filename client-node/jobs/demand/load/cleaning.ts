/** What cleaning did to a merchant's order lines, in counts; nothing in it names an item, a day or a quantity. */
export interface CleaningReport {
  /** Order lines of this merchant, within each source's dates. */
  readonly rowsRead: number;
  /** Order lines left after duplicates were removed. */
  readonly rowsUsed: number;
  readonly duplicatesRemoved: number;
  /** Identical lines that were kept, because they may be different sales. */
  readonly identicalKept: number;
  /** Periods without a line between a series' first line and the end of the file: no sale. */
  readonly missingPeriodsFilled: number;
  readonly returnLines: number;
  readonly returnedUnits: number;
  /** Training periods lowered to their series' limit. */
  readonly outliersCut: number;
  readonly stockOutPeriods: number;
  /** Periods at the beginning and at the end of the file that it covers in part only, and that were left out (0 to 2). */
  readonly incompletePeriods: number;
  /** Rows without a value in any cell. */
  readonly emptyRows: number;
  /** Lines left out because their date cannot be right. */
  readonly strayLines: number;
  /** Periods whose demand is not known because a quantity in it cannot be right. */
  readonly unknownPeriods: number;
  readonly seriesRead: number;
  /** Series without a sale: only returns, or lines with quantity 0. */
  readonly seriesAllZero: number;
  /** Series with sales, but in no window: shorter than a patch and one period, or not sold lately at any origin. */
  readonly seriesTooShort: number;
  readonly seriesUsed: number;
  /** Origins left out because nothing was sold in the 91 periods before. */
  readonly zeroWindowsSkipped: number;
}

/** The report as plain lines for a person; a step that found nothing is told as such. */
export function describeCleaning(report: CleaningReport): string[] {
  const n = (count: number) => Math.round(count).toLocaleString('en-US');
  const lines = [
    `${n(report.rowsRead)} order lines read, ${n(report.rowsUsed)} used`,
    `duplicates: ${n(report.duplicatesRemoved)} removed; ${n(report.identicalKept)} identical lines kept as separate sales`,
    `missing periods: ${n(report.missingPeriodsFilled)} filled with 0 (no line means no sale)`,
    `returns: ${n(report.returnLines)} lines, ${n(report.returnedUnits)} units; kept apart from demand`,
    `outliers: ${n(report.outliersCut)} training periods cut to their series' limit`,
    `stock-outs: ${n(report.stockOutPeriods)} periods count as lower bounds, not as zero demand`,
    `series: ${n(report.seriesRead)} read, ${n(report.seriesUsed)} used; ${n(report.seriesAllZero)} without a sale, ` +
      `${n(report.seriesTooShort)} too short or not sold lately`,
    `windows: ${n(report.zeroWindowsSkipped)} left out because nothing was sold in the history they show`,
  ];
  if (report.incompletePeriods > 0) {
    lines.push(
      `partial periods: ${report.incompletePeriods} at the beginning or end of the file, which covers them in part only, left out`,
    );
  }
  if (report.emptyRows > 0) lines.push(`empty rows: ${n(report.emptyRows)} passed over`);
  if (report.strayLines > 0) lines.push(`dates that cannot be right: ${n(report.strayLines)} lines left out`);
  if (report.unknownPeriods > 0) {
    lines.push(`quantities that cannot be right: ${n(report.unknownPeriods)} periods count as not known`);
  }
  return lines;
}
