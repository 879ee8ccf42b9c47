import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { type GraphAttribute, type GraphNode, graphFile, graphTag } from './graphFile.ts';

/** What is used of the backend that @tensorflow/tfjs-node registers. */
interface NativeBackend {
  binding: Binding;
  readonly isUsingGpuDevice: boolean;
  getInputTensorIds(tensors: readonly tf.Tensor[]): number[];
  createOutputTensor(info: OutputInfo): tf.Tensor;
  /** Takes the values of a new tensor; libtensorflow gets them when an operation first needs them. */
  write(values: object, shape: number[], dtype: tf.DataType): object;
}

interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

interface OutputInfo {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

interface Binding {
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  createTensor(shape: number[], dtype: number, values: Float32Array | Int32Array | Uint8Array): number;
  tensorDataSync(id: number): unknown;
  executeOp(name: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number): OutputInfo[];
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(id: number, inputs: readonly number[], inputNames: string, outputNames: string): OutputInfo[];
}

/** Why something that was computed cannot be made a graph. */
export class NotRecordable extends Error {}

/** A computation as one TensorFlow graph. */
export interface RecordedGraph {
  /** The tensors that the computation gives for other inputs, of the same shapes and types. */
  run(inputs: readonly tf.Tensor[]): tf.Tensor[];
  dispose(): void;
}

/** TensorFlow's number of float32. */
const TF_FLOAT = 1;

/** Whether libtensorflow computes. */
export const isNativeActive = (): boolean => tf.getBackend() === 'tensorflow';

/** Whether libtensorflow computes on a card. Only where it computes at all. */
export const isOnCard = (): boolean => (tf.backend() as unknown as NativeBackend).isUsingGpuDevice;

/** Values made while a computation is recorded become constants of its graph up to this size; what is larger belongs among its inputs. */
const CONSTANT_BYTES = 1 << 20;

/**
 * Computes once, and keeps what was computed as a graph.
 *
 * Every operation that TensorFlow.js hands to libtensorflow becomes a node, `inputs` become the graph's inputs and what `compute` makes of
 * numbers of its own becomes a constant: it must be the same for all inputs of these shapes. The graph is handed over as a SavedModel in a temporary folder, the
 * one way in that TensorFlow.js has; it holds no input's value.
 *
 * @throws NotRecordable (when `compute` reads a tensor's values or uses a tensor that is neither an input nor its own)
 * @throws what TensorFlow throws
 */
export function recordGraph(
  inputs: readonly tf.Tensor[],
  compute: () => tf.Tensor[],
): { outputs: tf.Tensor[]; graph: () => RecordedGraph } {
  const backend = tf.backend() as unknown as NativeBackend;
  const recorder = new Recorder(backend);
  const feeds = recorder.addInputs(inputs);
  const outputs = recorder.watch(compute);
  const fetches = recorder.outputsOf(outputs);
  return {
    outputs,
    graph: () => {
      const { binding } = backend;
      const model = load(binding, recorder.finished());
      return {
        run: (inputs) =>
          binding
            .runSavedModel(model, backend.getInputTensorIds(inputs), feeds, fetches)
            .map((info) => backend.createOutputTensor(info)),
        dispose: () => binding.deleteSavedModel(model),
      };
    },
  };
}

class Recorder {
  readonly #backend: NativeBackend;
  readonly #nodes: GraphNode[] = [];
  /** Where in the graph a tensor of libtensorflow's comes from, by its id; ids are never used twice. */
  readonly #sources = new Map<number, string>();
  readonly #inputs = new Set<string>();
  /** The values of tensors that are made while this watches. */
  readonly #made = new WeakSet<object>();
  #fault: string | undefined;

  constructor(backend: NativeBackend) {
    this.#backend = backend;
  }

  /** The names to feed, separated by commas. */
  addInputs(inputs: readonly tf.Tensor[]): string {
    return this.#backend
      .getInputTensorIds(inputs)
      .map((id, at) => {
        const { shape, dtype } = inputs[at]!;
        if (dtype !== 'float32') throw new NotRecordable(`an input is of type ${dtype}`);
        const name = this.#add(id, 'Placeholder', [], {
          dtype: { kind: 'type', value: TF_FLOAT },
          shape: { kind: 'shape', value: shape },
        });
        this.#inputs.add(name);
        return name;
      })
      .join(',');
  }

  /** Runs `compute` and notes what it has libtensorflow do. */
  watch<Result>(compute: () => Result): Result {
    const backend = this.#backend;
    const { binding } = backend;
    const noted: Pick<Binding, 'createTensor' | 'executeOp' | 'tensorDataSync'> = {
      createTensor: (...call) => {
        const id = binding.createTensor(...call);
        this.#constant(id, ...call);
        return id;
      },
      executeOp: (operation, attributes, ids, count) => {
        const outputs = binding.executeOp(operation, attributes, ids, count);
        this.#operation(operation, attributes, ids, outputs);
        return outputs;
      },
      tensorDataSync: (id) => {
        this.#fault ??= 'it reads the values of a tensor';
        return binding.tensorDataSync(id);
      },
    };
    // The add-on's own functions cannot be replaced, but the backend asks for them by way of its property every time.
    backend.binding = Object.create(binding, Object.getOwnPropertyDescriptors(noted)) as Binding;
    const { write } = backend;
    backend.write = (values, shape, dtype) => {
      this.#made.add(values);
      return write.call(backend, values, shape, dtype);
    };
    try {
      return compute();
    } finally {
      backend.binding = binding;
      backend.write = write;
    }
  }

  /** The names to fetch, separated by commas. */
  outputsOf(outputs: readonly tf.Tensor[]): string {
    return this.#backend
      .getInputTensorIds(outputs)
      .map((id) => {
        const source = this.#source(id);
        // A graph cannot give back what it is fed.
        return this.#inputs.has(source)
          ? this.#add(id, 'Identity', [source], { T: { kind: 'type', value: TF_FLOAT } })
          : source;
      })
      .join(',');
  }

  /** @throws NotRecordable */
  finished(): readonly GraphNode[] {
    if (this.#fault !== undefined) throw new NotRecordable(this.#fault);
    return this.#nodes;
  }

  #source(id: number): string {
    const source = this.#sources.get(id);
    if (source === undefined) this.#fault ??= 'it uses a tensor that is not among its inputs';
    return source ?? '';
  }

  #constant(id: number, shape: number[], type: number, values: Float32Array | Int32Array | Uint8Array): void {
    // Values from before, which libtensorflow had no need of until now, are some tensor's from elsewhere.
    if (!this.#made.has(values)) return;
    if (!ArrayBuffer.isView(values) || values.byteLength > CONSTANT_BYTES) {
      this.#fault ??= 'it makes a tensor that is too large for a constant';
      return;
    }
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
    this.#add(id, 'Const', [], {
      dtype: { kind: 'type', value: type },
      value: { kind: 'tensor', type, shape, bytes },
    });
  }

  #operation(
    operation: string,
    attributes: readonly Attribute[],
    ids: readonly number[],
    outputs: readonly OutputInfo[],
  ): void {
    const name = `n${this.#nodes.length}`;
    outputs.forEach(({ id }, at) => {
      this.#sources.set(id, `${name}:${at}`);
    });
    this.#nodes.push({
      name,
      operation,
      inputs: ids.map((id) => this.#source(id)),
      attributes: Object.fromEntries(attributes.map((attribute) => [attribute.name, this.#attribute(attribute)])),
    });
  }

  #attribute({ name, type, value }: Attribute): GraphAttribute {
    const { binding } = this.#backend;
    const kinds = new Map<number, GraphAttribute['kind']>([
      [binding.TF_ATTR_STRING, 'text'],
      [binding.TF_ATTR_INT, 'whole'],
      [binding.TF_ATTR_FLOAT, 'float'],
      [binding.TF_ATTR_BOOL, 'flag'],
      [binding.TF_ATTR_TYPE, 'type'],
      [binding.TF_ATTR_SHAPE, 'shape'],
    ]);
    const kind = kinds.get(type);
    if (kind === undefined) this.#fault ??= `its attribute ${name} is of an unknown kind`;
    return { kind, value } as GraphAttribute;
  }

  #add(id: number, operation: string, inputs: readonly string[], attributes: GraphNode['attributes']): string {
    const name = `n${this.#nodes.length}`;
    this.#sources.set(id, `${name}:0`);
    this.#nodes.push({ name, operation, inputs, attributes });
    return `${name}:0`;
  }
}

function load(binding: Binding, nodes: readonly GraphNode[]): number {
  const folder = mkdtempSync(path.join(tmpdir(), 'hansa-graph-'));
  try {
    writeFileSync(path.join(folder, 'saved_model.pb'), graphFile(nodes));
    return binding.loadSavedModel(folder, graphTag);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
