import { cpus } from 'node:os';
import type { DemoRun } from './demoRun.ts';
import { inParallel } from './inParallel.ts';
import { answerOf } from './league/childProcess.ts';
import { type Evaluation, evaluationSchema, simpleWql, toUse } from './league/evaluation.ts';
import { type Node, startEvaluation } from './league/league.ts';
import { forecastsEnglish } from './report/dictionary/forecastWords.ts';
import { setActivity } from './screen/showStatus.ts';
import { bestSimple } from './verdict.ts';

/** Has every merchant compare the forecasts on its own hold-out, as many at once as there are cores; in the order of `nodes`. */
export async function evaluateAll(
  nodes: readonly Node[],
  { state, screen, processes, signal }: DemoRun,
): Promise<Evaluation[]> {
  const evaluations = new Map<Node, Evaluation>();
  await inParallel(nodes, cpus().length, async (node) => {
    signal.throwIfAborted();
    const { id } = node.merchant;
    setActivity(state, id, { kind: 'evaluating' });
    const evaluation = evaluationSchema.parse(await answerOf(startEvaluation(processes, node)));
    evaluations.set(node, evaluation);
    setActivity(state, id, { kind: 'evaluated' });
    const { localOnly, fineTuned } = evaluation.wql;
    const simple = bestSimple({ simple: simpleWql(evaluation) });
    const use = toUse(evaluation);
    const nameOf = (method: string) => forecastsEnglish[method] ?? method;
    screen.tell(
      `${id}: WQL ${fineTuned.toFixed(3)} fine-tuned, ${localOnly.toFixed(3)} own data only, ${simple.wql.toFixed(3)} best simple forecast (${nameOf(simple.name)}); ` +
        `to use: ${nameOf(use.method)} (${use.wql.toFixed(3)})`,
    );
  });
  return nodes.map((node) => evaluations.get(node)!);
}
