import { createHash } from 'node:crypto';
import { html, trusted } from '@hansa/shared/html';
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
  // No script runs and nothing is fetched; the one style sheet is named by its hash.
  const styleHash = createHash('sha256').update(style).digest('base64');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<title>${dictionaries.en.pageTitle}</title>
<style>${trusted(style)}</style>
</head>
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
