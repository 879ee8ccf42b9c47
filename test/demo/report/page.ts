import { html, pageHead } from '@hansa/shared/html';
import { judge } from '../verdict.ts';
import { say } from './bilingual.ts';
import type { ReportData } from './data.ts';
import { dictionaries } from './dictionary/dictionary.ts';
import { fineTunedIntervals } from './fineTunedIntervals.ts';
import { changes } from './sections/changes.ts';
import { facts } from './sections/facts.ts';
import { header } from './sections/header.ts';
import { merchants } from './sections/merchants.ts';
import { notProtected } from './sections/notProtected.ts';
import { rounds } from './sections/rounds.ts';
import { seen } from './sections/seen.ts';
import { style } from './style.ts';

/**
 * The report of a demo as one HTML file that loads nothing: English and Chinese stand in it side by side, and a switch that needs no script
 * shows one of them.
 *
 * Every text that was read (names of merchants and items, reasons, paths) is escaped.
 */
export function renderReport(data: ReportData): string {
  const verdict = judge(data.result.merchants, fineTunedIntervals(data));
  return html`<!doctype html>
<html lang="en">
${pageHead({ title: dictionaries.en.pageTitle, style })}
<body>
${header(data, verdict)}
<main>
${changes(data, verdict)}
${rounds(data)}
${data.seen && seen(data.seen)}
${merchants(data)}
${notProtected()}
${facts(data)}
</main>
<footer>${say((d) => d.madeBy)}</footer>
</body>
</html>
`.html;
}
