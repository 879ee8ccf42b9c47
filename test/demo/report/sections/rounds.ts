import { type Html, html } from '@hansa/shared/html';
import { roundPhases } from '@hansa/shared/protocol';
import type { RoundResult } from '../../result.ts';
import { say } from '../bilingual.ts';
import { roundChart } from '../charts.ts';
import type { ReportData, RoundReport } from '../data.ts';
import { storyOf } from '../storyOf.ts';
import { fact } from './fact.ts';

/** What happened in each round. */
export function rounds({ result, rounds: reports }: ReportData): Html {
  const longest = Math.max(...result.rounds.map(({ seconds }) => seconds));
  return html`<section class="together">
<h2>${say((d) => d.roundsHeading)}</h2>
<p class="lead">${say((d) => d.roundsCaption)}</p>
<ol class="phases">${roundPhases.map((phase, i) => html`<li><b class="p${i + 1}">${i + 1}</b>${say((d) => d.phase(phase))}</li>`)}</ol>
<div class="cards rounds">${result.rounds.map((round, i) => roundCard(round, reports[i], longest))}</div>
</section>`;
}

function roundCard(round: RoundResult, report: RoundReport | undefined, longest: number): Html {
  const committed = round.outcome === 'committed';
  const wrong = report?.sumExact === false;
  return html`<article class="card">
<span class="badge ${committed ? '' : 'bad'}">${committed ? '✓' : '✕'} ${say((d) => d[round.outcome])}</span>
<h3>${say((d) => d.round(round.round))}</h3>
${roundChart(round, longest)}
<p class="story ${committed && !wrong ? '' : 'bad'}">${say((d) => storyOf(d, round, report))}</p>
<dl class="facts">
${fact(
  (d) => d.participants,
  (d) => d.participantsValue(round.reported.length, round.selected.length, report?.requiredSurvivors ?? 0),
)}
${fact(
  (d) => d.dropped,
  (d) =>
    round.dropped
      .map((id) => {
        const phase = report?.droppedIn[id];
        return phase === undefined ? id : d.droppedIn(id, d.phase(phase));
      })
      .join(', ') || d.nobody,
)}
${fact(
  (d) => d.duration,
  (d) => d.seconds(round.seconds),
)}
${fact(
  (d) => d.traffic,
  (d) => d.trafficValue(d.bytes(round.bytesUp), d.bytes(round.bytesDown)),
)}
${
  round.loss === null
    ? undefined
    : fact(
        (d) => d.loss,
        (d) => d.number(round.loss ?? 0, 4),
      )
}
${fact(
  (d) => d.sum,
  (d) => (report?.sumExact === undefined ? d.sumUnknown : report.sumExact ? d.sumChecked : d.sumWrong),
)}
</dl>
</article>`;
}
