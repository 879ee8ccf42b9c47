import { type Html, html } from '@hansa/shared/html';
import { say } from '../bilingual.ts';
import type { ReportData } from '../data.ts';
import { fact } from './fact.ts';

/** Model, settings and circumstances of the run. */
export function facts(data: ReportData): Html {
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
