import type * as tf from '@tensorflow/tfjs';
import { isNativeActive, isOnCard, type RecordedGraph, recordGraph } from './recordedGraph.ts';

/**
 * Outputs of a graph may differ from those of the same operations one by one by this much, relative to their norm: ten times what rounding does. A card
 * may multiply with ten bits (TF32), and choose another way to do so for operations that a graph joins.
 */
const agreement = (): number => (isOnCard() ? 1e-3 : 1e-6);

/** Graphs that are kept: more than a training needs, which has one shape of batch, or two where a set is cut into pieces. */
const KEPT = 8;

/** Times that a graph must give what the operations give one by one: on the numbers that it was recorded from and on others. */
const PROOFS = 2;

/** What is known of a step: its graph and how often that has proved itself, or that it runs operation by operation for good. */
type Known = { readonly graph: RecordedGraph; readonly proofs: number } | 'eager';

const known = new Map<string, Known>();

/**
 * What `compute` gives, by way of one graph of libtensorflow's where the native engine is active.
 *
 * Operation by operation a small model's step is mostly the way of a thousand operations through TensorFlow.js and back. The first step of a kind is
 * recorded as a graph; the first two are computed both ways, and if both agree the graph's results are taken, then and from then on: the same training gives
 * the same weights whether it is a process's first or not. A step that cannot be recorded or does not agree stays as it is, with a warning. Other
 * engines just compute.
 *
 * @param kind names everything that `compute` depends on besides `inputs`; their shapes need not be in it
 * @param inputs every tensor that `compute` uses and does not make itself
 * @returns tensors, the caller's to dispose of, as are those that `compute` gave; call it within tf.tidy
 */
export function recorded(kind: string, inputs: readonly tf.Tensor[], compute: () => tf.Tensor[]): tf.Tensor[] {
  if (!isNativeActive()) return compute();
  const key = JSON.stringify([kind, inputs.map(({ shape }) => shape)]);
  const entry = known.get(key);
  if (entry === 'eager') return compute();
  if (entry === undefined) {
    const { outputs, graph } = recordGraph(inputs, compute);
    return prove(key, graph, 0, inputs, outputs);
  }
  const { graph, proofs } = entry;
  // What was used last goes last.
  known.delete(key);
  known.set(key, entry);
  return proofs >= PROOFS ? graph.run(inputs) : prove(key, () => graph, proofs, inputs, compute());
}

/** The graph's outputs where they are the expected ones; otherwise those, and the graph is not used again. */
function prove(
  key: string,
  make: () => RecordedGraph,
  proofs: number,
  inputs: readonly tf.Tensor[],
  expected: tf.Tensor[],
): tf.Tensor[] {
  let graph: RecordedGraph | undefined;
  try {
    graph = make();
    const outputs = graph.run(inputs);
    const off = difference(outputs, expected);
    if (!(off <= agreement())) throw new Error(`its results are off by ${off.toPrecision(2)}`);
    keep(key, { graph, proofs: proofs + 1 });
    return outputs;
  } catch (error) {
    graph?.dispose();
    keep(key, 'eager');
    process.emitWarning(`A training step does not run as one graph, which is slower: ${(error as Error).message}`);
    return expected;
  }
}

function keep(key: string, entry: Known): void {
  known.set(key, entry);
  for (const [oldest, old] of known) {
    if (known.size <= KEPT) break;
    if (old !== 'eager') old.graph.dispose();
    known.delete(oldest);
  }
}

/** |a − b| / |b| over all values of all tensors; NaN counts as a difference. */
function difference(left: readonly tf.Tensor[], right: readonly tf.Tensor[]): number {
  let difference = 0;
  let size = 0;
  left.forEach((tensor, index) => {
    const [a, b] = [tensor.dataSync(), right[index]!.dataSync()];
    for (let at = 0; at < b.length; at++) {
      difference += (a[at]! - b[at]!) ** 2;
      size += b[at]! ** 2;
    }
  });
  return difference === 0 ? 0 : Math.sqrt(difference / size);
}
