import { type Html, html } from '@hansa/shared/html';
import type { Verdict } from '../../verdict.ts';
import { say } from '../bilingual.ts';
import { changeChart } from '../charts.ts';
import type { ReportData } from '../data.ts';
import { fineTunedIntervals } from '../fineTunedIntervals.ts';

/** Who gained, and by how much. */
export function changes(data: ReportData, verdict: Verdict): Html {
  return html`<section class="together">
<h2>${say((d) => d.changeHeading)}</h2>
<p class="lead">${say((d) => d.changeCaption)}</p>
<div class="card change">${changeChart(verdict.againstLocal, fineTunedIntervals(data))}</div>
</section>`;
}
