import { cpus } from 'node:os';
import type { DemoRun } from './demoRun.ts';
import { inParallel } from './inParallel.ts';
import { answerOf } from './league/childProcess.ts';
import { type Evaluation, evaluationSchema } from './league/evaluation.ts';
import { type Node, startEvaluation } from './league/league.ts';
import { setActivity } from './screen/showStatus.ts';

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
    const { seasonalNaive, localOnly, fineTuned } = evaluation.wql;
    screen.tell(
      `${id}: WQL ${fineTuned.toFixed(3)} fine-tuned, ${localOnly.toFixed(3)} own data only, ${seasonalNaive.toFixed(3)} seasonal naive`,
    );
  });
  return nodes.map((node) => evaluations.get(node)!);
}
