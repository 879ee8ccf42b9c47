import { cpus } from 'node:os';
import { join } from 'node:path';
import type { DemoRun } from '../demoRun.ts';
import { inParallel } from '../inParallel.ts';
import type { DemoOptions } from '../options.ts';
import { type Coordinator, enrolNode, foundConsortium, type Node, prepareNode, startNode } from './league.ts';
import type { MerchantFolder } from './orders.ts';

/** Enrols every node with a join token that the consortium made for it, then starts them. */
export async function startNodes(
  coordinator: Coordinator,
  merchants: readonly MerchantFolder[],
  { engine, out }: DemoOptions,
  { processes, signal }: DemoRun,
): Promise<Node[]> {
  const consortium = await foundConsortium(processes, join(out, 'consortium'));
  const nodes: Node[] = [];
  for (const merchant of merchants) nodes.push(await prepareNode(merchant, coordinator.address, engine));
  await inParallel(nodes, cpus().length, async (node) => {
    signal.throwIfAborted();
    await enrolNode(processes, node, await consortium.joinToken(coordinator, node.merchant.id));
  });
  signal.throwIfAborted();
  for (const node of nodes) startNode(processes, node);
  return nodes;
}
