import { type Html, html, trusted } from '@hansa/shared/html';
import type { Verdict } from '../../verdict.ts';
import { say } from '../bilingual.ts';
import type { ReportData } from '../data.ts';
import { dictionaries } from '../dictionary/dictionary.ts';
import type { Say } from './fact.ts';

const cog = trusted(
  '<svg viewBox="0 0 32 32" aria-hidden="true"><path d="M15 2h2v19h-2z"/><path d="M17.5 4c5 1.500 7.500 5.500 7.500 9.500s-1.500 5-7.500 5.500z"/><path d="M14.500 6c-4 1.500-6 4-6.500 7.500-.3 2.500 1 4.500 6.500 5z" opacity=".7"/><path d="M3 22h26c-1 5-4.500 8-9 8h-8c-4.500 0-8-3-9-8z"/></svg>',
);

/** Verdict and the figures that it rests on. */
export function header({ result, startedAt, source }: ReportData, verdict: Verdict): Html {
  const committed = result.rounds.filter(({ outcome }) => outcome === 'committed').length;
  return html`<header>
<div class="top">
<div class="brand">${cog}<div>Hansa<small>${say((d) => d.tagline)}</small></div></div>
<fieldset><legend>${say((d) => d.chooseLanguage)}</legend>
<input type="radio" name="language" id="language-en" checked><label for="language-en" lang="en">${dictionaries.en.languageName}</label>
<input type="radio" name="language" id="language-zh"><label for="language-zh" lang="zh-Hans">${dictionaries.zh.languageName}</label>
</fieldset>
</div>
<div class="verdict ${verdict.helped ? 'yes' : 'no'}">
<h1><span class="sign" aria-hidden="true">${verdict.helped ? '✓' : '✕'}</span>${say((d) => (verdict.helped ? d.verdictHelped : d.verdictDidNotHelp))}</h1>
<p>${say((d) => d.verdictFirst(verdict))} ${say((d) => d.verdictSecond(verdict))}</p>
</div>
<dl class="tiles">
${tile(
  (d) => d.of(verdict.gained, verdict.merchants),
  (d) => d.tileGained,
)}
${tile(
  (d) => d.change(verdict.medianAgainstLocal),
  (d) => d.tileMedian,
)}
${tile(
  (d) => d.change(verdict.worst.percent),
  (d) => d.tileWorst(verdict.worst.id),
)}
${tile(
  (d) => (result.sumExact ? `✓ ${d.exactYes}` : `✕ ${d.exactNo}`),
  (d) => d.tileExact,
)}
${tile(
  (d) => d.number(result.merchants.reduce((sum, { rows }) => sum + rows, 0)),
  (d) => d.tileRows,
)}
</dl>
<p class="lead run">${say((d) => d.subtitle(verdict.merchants, committed, startedAt))} · ${say((d) =>
    source.kind === 'generated' ? d.sourceGenerated(source.world) : d.sourceFiles(source.name),
  )}</p>
</header>`;
}

function tile(value: Say, name: Say): Html {
  return html`<div><dt>${say(name)}</dt><dd>${say(value)}</dd></div>`;
}
