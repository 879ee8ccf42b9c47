import { createHash } from 'node:crypto';
import { roundPhases } from '@hansa/shared/protocol';
import { type MerchantResult, type Method, methods, type RoundResult } from '../result.ts';
import { changePercent, judge, type Verdict } from '../verdict.ts';
import { say } from './bilingual.ts';
import { changeChart, fanBands, fanChart, histogramChart, methodChart, methodMark, roundChart } from './charts.ts';
import type { CleaningCounts, Interval, MerchantReport, ReportData, RoundReport, SeenVector } from './data.ts';
import { dictionaries } from './dictionary.ts';
import { largestShare } from './histogram.ts';
import { type Html, html, trusted } from './html.ts';
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

const cog = trusted(
  '<svg viewBox="0 0 32 32" aria-hidden="true"><path d="M15 2h2v19h-2z"/><path d="M17.5 4c5 1.500 7.500 5.500 7.500 9.500s-1.500 5-7.500 5.500z"/><path d="M14.500 6c-4 1.500-6 4-6.500 7.500-.3 2.500 1 4.500 6.500 5z" opacity=".7"/><path d="M3 22h26c-1 5-4.500 8-9 8h-8c-4.500 0-8-3-9-8z"/></svg>',
);

function header({ result, startedAt, source }: ReportData, verdict: Verdict): Html {
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

type Say = Parameters<typeof say>[0];

function tile(value: Say, name: Say): Html {
  return html`<div><dt>${say(name)}</dt><dd>${say(value)}</dd></div>`;
}

function fact(name: Say, value: Say | Html): Html {
  return html`<dt>${say(name)}</dt><dd>${typeof value === 'function' ? say(value) : value}</dd>`;
}

/** Per merchant, 95 % of the change of fine-tuned against local-only, in per cent. */
export function fineTunedIntervals({ merchants }: Pick<ReportData, 'merchants'>): ReadonlyMap<string, Interval> {
  return new Map(
    merchants.flatMap(({ id, againstLocal: { fineTuned } }) => (fineTuned ? [[id, fineTuned] as const] : [])),
  );
}

function changes(data: ReportData, verdict: Verdict): Html {
  return html`<section class="together">
<h2>${say((d) => d.changeHeading)}</h2>
<p class="lead">${say((d) => d.changeCaption)}</p>
<div class="card change">${changeChart(verdict.againstLocal, fineTunedIntervals(data))}</div>
</section>`;
}

function rounds({ result, rounds: reports }: ReportData): Html {
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

/** One line in plain words about what a round went through; the live screen says the same. */
export function storyOf(d: (typeof dictionaries)['en'], round: RoundResult, report: RoundReport | undefined): string {
  if (round.outcome === 'abandoned') return d.roundAbandoned(round.reason ?? d.unknown);
  if (report?.sumExact === false) return d.roundWrong;
  const rebuilt = report?.rebuiltMasks[0];
  if (rebuilt !== undefined) {
    const tell = rebuilt.merchant === report?.killed ? d.roundKilled : d.roundRebuilt;
    return tell(rebuilt.merchant, rebuilt.shares, rebuilt.holders);
  }
  return round.dropped.length > 0 ? d.roundEarly(round.dropped.join(', ')) : d.roundAll;
}

function seen({ merchant, round, numbers, masked, unmasked }: SeenVector): Html {
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

function merchants({ result, merchants: reports }: ReportData): Html {
  return html`<section class="fresh">
<h2>${say((d) => d.merchantsHeading)}</h2>
<p class="lead">${say((d) => d.merchantsCaption)}</p>
<div class="cards">${result.merchants.map((merchant) =>
    merchantCard(
      merchant,
      reports.find(({ id }) => id === merchant.id),
    ),
  )}</div>
</section>`;
}

function merchantCard(merchant: MerchantResult, report: MerchantReport | undefined): Html {
  const best = methods.reduce((a, b) => (merchant.wql[b] < merchant.wql[a] ? b : a));
  return html`<article class="card">
<h3>${merchant.id}</h3>
<dl class="facts">
${fact(
  (d) => d.stayed,
  (d) => d.rowsStayed(merchant.rows, merchant.series),
)}
${
  report &&
  fact(
    (d) => d.left,
    (d) => d.bytesLeft(d.bytes(report.bytesSent)),
  )
}
${fact(
  (d) => d.budget,
  (d) => d.budgetValue(merchant.steps),
)}
${
  report &&
  fact(
    (d) => d.ownRates,
    (d) => d.ownRatesValue(report.learningRates.localOnly, report.learningRates.fineTuned),
  )
}
</dl>
<h4>${say((d) => d.wql)}</h4>
${methodChart(merchant, report)}
<table><thead><tr><th scope="col">${say((d) => d.method)}</th><th scope="col">${say((d) => d.wape)}</th><th scope="col">${say((d) => d.againstOwn)}</th></tr></thead>
<tbody>${methods.map((method) => methodRow(merchant, method, method === best, report?.againstLocal[method]))}</tbody></table>
${report && forecastOf(report)}
${report && cleaningOf(report.cleaning)}
</article>`;
}

function methodRow(merchant: MerchantResult, method: Method, best: boolean, interval: Interval | undefined): Html {
  const change = changePercent(merchant.wql[method], merchant.wql.localOnly);
  return html`<tr class="${best ? 'best' : ''}"><th scope="row">${methodMark(method)}${say(
    (d) => `${d.methods[method]}${best ? ' ★' : ''}`,
  )}</th><td>${say((d) => d.number(merchant.wape[method], 3))}</td><td>${
    method === 'localOnly' ? '–' : say((d) => d.change(change))
  }${interval && html`<small>${say((d) => d.span(interval[0], interval[1]))}</small>`}</td></tr>`;
}

function forecastOf({ forecast }: MerchantReport): Html {
  if (forecast === undefined) return html`<p class="note">${say((d) => d.forecastMissing)}</p>`;
  const bands = fanBands(forecast.levels);
  const entry = (drawn: string, text: Say): Html =>
    html`<li><svg viewBox="0 0 26 12" aria-hidden="true">${trusted(drawn)}</svg>${say(text)}</li>`;
  return html`<h4>${say((d) => d.forecastHeading(forecast.series))} · ${say((d) => d.forecastFrom(forecast.origin))}</h4>
${fanChart(forecast)}
<ul class="legend">
${entry('<path class="history" d="M0 6h26"/>', (d) => d.forecastLegend.history)}
${entry('<circle class="actual" cx="13" cy="6" r="3"/>', (d) => d.forecastLegend.actual)}
${entry('<path class="median" d="M0 6h26"/>', (d) => d.forecastLegend.median)}
${bands.map(([low, high], i) =>
  entry(`<path class="band b${i + 1}" d="M0 0h26v12h-26z"/>`, (d) =>
    d.forecastLegend.band(percentText(forecast.levels[low]!), percentText(forecast.levels[high]!)),
  ),
)}
${entry('<path class="naive" d="M0 6h26"/>', (d) => d.forecastLegend.naive)}
</ul>`;
}

const percentText = (level: number): string => `${Math.round(100 * level)}%`;

function cleaningOf(cleaning: CleaningCounts): Html {
  const counts = Object.entries(cleaning).filter(([, count]) => count !== 0);
  return html`<details><summary>${say((d) => d.cleaningHeading)}</summary>
<dl class="facts">${
    counts.length === 0
      ? html`<dt>${say((d) => d.nothingToClean)}</dt>`
      : counts.map(([name, count]) =>
          fact(
            (d) => d.cleaning(name),
            (d) => d.number(count),
          ),
        )
  }</dl></details>`;
}

function notProtected(): Html {
  return html`<section class="together">
<h2>${say((d) => d.notProtectedHeading)}</h2>
<div class="card"><ul class="warnings">${dictionaries.en.notProtected.map((_, i) => html`<li>${say((d) => d.notProtected[i]!)}</li>`)}</ul></div>
</section>`;
}

function facts(data: ReportData): Html {
  const { result, model, task } = data;
  const { training } = task.plan;
  const code = (text: string): Html => html`<code>${text}</code>`;
  const threshold = data.rounds[0]?.threshold;
  return html`<section>
<h2>${say((d) => d.factsHeading)}</h2>
<div class="card"><dl class="facts">
${fact((d) => d.factModel, code(model.hash))}
${fact(
  (d) => d.factModelSize,
  (d) => d.modelSize(model.size, model.parameters),
)}
${fact((d) => d.factModelPath, code(model.path))}
${fact(
  (d) => d.factPlan,
  ({ planValue }) => planValue(training.steps, training.batchSize, training.learningRate),
)}
${
  result.pilots.length === 0
    ? undefined
    : fact(
        (d) => d.factPilots,
        (d) =>
          result.pilots.map((pilot) => d.pilotValue(pilot.learningRate, d.number(pilot.validationLoss, 4))).join(', '),
      )
}
${fact(
  (d) => d.factFineTune,
  (d) => d.fineTuneValue(data.fineTuneSteps),
)}
${fact(
  (d) => d.factClip,
  (d) => d.number(task.secureAggregation.clipNorm, 2),
)}
${fact(
  (d) => d.factWeighting,
  (d) => d.weighting[task.secureAggregation.weighting.kind],
)}
${fact(
  (d) => d.factThreshold,
  (d) => (threshold === undefined ? d.unknown : d.number(threshold)),
)}
${fact((d) => d.factEngine, html`${result.engine} (${data.engineReason})`)}
${fact(
  (d) => d.factCores,
  (d) => d.number(data.cores),
)}
${fact((d) => d.factSeed, html`${result.seed}`)}
${fact(
  (d) => d.factTime,
  (d) => d.seconds(result.totalSeconds),
)}
${fact(
  (d) => d.factMemory,
  (d) => (result.coordinatorPeakRssBytes === null ? d.unknown : d.bytes(result.coordinatorPeakRssBytes)),
)}
${fact((d) => d.factVersions, html`${Object.entries(data.versions).map(([name, version]) => `${name} ${version} `)}`)}
${fact((d) => d.factCommand, code(data.command))}
</dl>
<details><summary>${say((d) => d.taskFile)}</summary><pre>${JSON.stringify(task, null, 2)}</pre></details>
</div>
</section>`;
}
