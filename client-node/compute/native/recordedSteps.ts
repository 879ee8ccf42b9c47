import * as tf from '@tensorflow/tfjs';
import { isNativeActive, type RecordedGraph, recordGraph } from './recordedGraph.ts';

/** Outputs of a graph may differ from those of the same operations one by one by this much, relative to their norm. Rounding makes 1e-7 of it. */
const AGREEMENT = 1e-6;

/** Graphs that are kept: more than a training needs, which has one shape of batch, or two where a set is cut into pieces. */
const KEPT = 8;

/** What is known of a step: how to make its graph, the graph once it has proved itself, or that it runs operation by operation for good. */
type Known = { readonly make: () => RecordedGraph } | { readonly graph: RecordedGraph } | 'eager';

const known = new Map<string, Known>();

/**
 * What `compute` gives, by way of one graph of libtensorflow's where the native engine is active and the same step has been taken before.
 *
 * Operation by operation a small model's step is mostly the way of a thousand operations through TensorFlow.js and back. The first step of a kind is
 * recorded; the second is computed both ways and the graph used from then on if both agree, on other numbers than those it was recorded from. A
 * step that cannot be recorded or does not agree stays as it is, with a warning. Other engines just compute.
 *
 * @param kind names everything that `compute` depends on besides `inputs`; their shapes need not be in it
 * @param inputs every tensor that `compute` uses and does not make itself
 */
export function recorded(kind: string, inputs: readonly tf.Tensor[], compute: () => tf.Tensor[]): tf.Tensor[] {
  if (!isNativeActive()) return compute();
  const key = JSON.stringify([kind, inputs.map(({ shape }) => shape)]);
  const entry = known.get(key);
  if (entry === undefined) {
    const { outputs, graph } = recordGraph(inputs, compute);
    keep(key, { make: graph });
    return outputs;
  }
  if (entry === 'eager') return compute();
  if ('graph' in entry) return entry.graph.run(inputs);
  const outputs = compute();
  keep(key, proven(entry.make, inputs, outputs));
  return outputs;
}

function keep(key: string, entry: Known): void {
  known.set(key, entry);
  for (const [oldest, old] of known) {
    if (known.size <= KEPT) break;
    if (typeof old === 'object' && 'graph' in old) old.graph.dispose();
    known.delete(oldest);
  }
}

/** The graph where it gives `expected` for `inputs`. */
function proven(make: () => RecordedGraph, inputs: readonly tf.Tensor[], expected: readonly tf.Tensor[]): Known {
  let graph: RecordedGraph | undefined;
  try {
    graph = make();
    const outputs = graph.run(inputs);
    const off = difference(outputs, expected);
    tf.dispose(outputs);
    if (off <= AGREEMENT) return { graph };
    throw new Error(`its results are off by ${off.toPrecision(2)}`);
  } catch (error) {
    graph?.dispose();
    process.emitWarning(`A training step does not run as one graph, which is slower: ${(error as Error).message}`);
    return 'eager';
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
