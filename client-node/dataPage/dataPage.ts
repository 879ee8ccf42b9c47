import { type Html, html, pageHead } from '@hansa/shared/html';
import { style as sharedStyle } from '../forecasting/page/style.ts';
import type { DataReport, Finding } from '../jobs/job.ts';
import { timelineChart } from './timelineChart.ts';

const style = `${sharedStyle}
section { margin-top: 22px; } section h2 { font-size: 19px; margin-bottom: 8px; }
ul.findings { list-style: none; margin: 0; padding: 0; display: grid; gap: 10px; }
.findings li { background: var(--card); border: 1px solid var(--line); border-left: 5px solid var(--accent); border-radius: 8px; padding: 10px 14px; }
.findings li.warning { border-left-color: var(--down); }
.findings b { display: block; font-size: 12.5px; color: var(--soft); font-weight: 600; }
.findings code { display: block; overflow-wrap: anywhere; font-size: 12.5px; margin-top: 4px; }
.cleaning { margin: 0; padding-left: 1.2em; } .cleaning li { margin: 2px 0; }
@media (max-width: 600px) { svg text.axis { font-size: 20px; } }
.bar { fill: var(--soft); } .bar.validation { fill: var(--accent); opacity: .65; } .bar.test { fill: var(--accent); }
`;

/** What check-data found in the data of one job. */
export interface CheckedData {
  readonly job: string;
  readonly report: DataReport;
}

/** The report of check-data as one HTML page that loads nothing, for the merchant's own eyes: it names articles and values. Every text that was read is escaped. */
export function dataPage(checked: readonly CheckedData[]): string {
  const warnings = checked.flatMap(({ report }) => report.findings).filter(({ kind }) => kind === 'warning').length;
  const verdict =
    warnings === 0
      ? 'Nothing in the files is doubted.'
      : `${warnings === 1 ? 'One thing' : `${warnings} things`} in the files should be looked at before training.`;
  return html`<!doctype html>
<html lang="en">
${pageHead({ title: 'Check of the order files', style })}
<body><main>
<h1>Check of the order files</h1>
<p>${verdict} Nothing of this page leaves the machine that made it.</p>
${checked.map(section)}
</main></body>
</html>
`.html;
}

function section({ job, report }: CheckedData): Html {
  const { summary, cleaning, findings, timeline } = report;
  const sorted = [...findings].sort((a, b) => Number(b.kind === 'warning') - Number(a.kind === 'warning'));
  return html`<section><h2>Data for ${job}</h2>
${summary.map((sentence) => html`<p>${sentence}</p>`)}
${timeline === undefined ? undefined : timelineChart(timeline)}
</section>
<section><h2>Findings</h2>
${sorted.length === 0 ? html`<p>None.</p>` : html`<ul class="findings">${sorted.map(finding)}</ul>`}
</section>
<section><h2>Cleaning</h2>
<ul class="cleaning">${cleaning.map((sentence) => html`<li>${sentence}</li>`)}</ul>
</section>
`;
}

const finding = ({ kind, sentence, examples }: Finding): Html =>
  html`<li class="${kind}"><b>${kind === 'warning' ? 'Warning' : 'Note'}</b>${sentence}${examples.map((example) => html`<code>${example}</code>`)}</li>`;
