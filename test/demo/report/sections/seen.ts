import { type Html, html } from '@hansa/shared/html';
import { say } from '../bilingual.ts';
import { histogramChart } from '../charts.ts';
import type { SeenVector } from '../data.ts';
import { largestShare } from '../histogram.ts';

/** What the coordinator saw of one update, beside the update. */
export function seen({ merchant, round, numbers, masked, unmasked }: SeenVector): Html {
  return html`<section class="together">
<h2>${say((d) => d.seenHeading)}</h2>
<p class="lead">${say((d) => d.seenCaption(merchant, round, numbers))}</p>
<div class="grid2">
<figure class="card"><h3>${say((d) => d.seenMasked)}</h3><p class="who">${say((d) => d.seenWho)}</p>
${histogramChart(masked, 'masked', (d) => d.seenMaskedAxis)}
<figcaption class="note">${say((d) => d.seenMaskedNote(largestShare(masked), masked.counts.length))}</figcaption></figure>
<figure class="card"><h3>${say((d) => d.seenUnmasked)}</h3><p class="who">${say((d) => d.seenWhoNot)}</p>
${histogramChart(unmasked, 'plain', (d) => d.seenUnmaskedAxis(unmasked.high))}
<figcaption class="note">${say((d) => d.seenUnmaskedNote(largestShare(unmasked)))}</figcaption></figure>
</div>
</section>`;
}
