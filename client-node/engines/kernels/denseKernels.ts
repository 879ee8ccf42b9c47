import { setFlagsFromString } from 'node:v8';
import type * as TensorFlow from '@tensorflow/tfjs';
import { compiledDense, type DenseBuild } from './compiledDense.ts';
import type { WasmAllocator } from './wasmAllocator.ts';
import { type WasmMemory, webAssembly } from './webAssembly.ts';

/** The exports of assembly/kernels.ts; arguments that end in `At` are byte offsets into the wasm engine's memory. */
interface Functions {
  scratchSizeBytes(): number;
  attentionScratchSizeBytes(asking: number, tokens: number): number;
  paddedTokens(tokens: number): number;
  multiply(...parameters: readonly number[]): void;
  columnSums(...parameters: readonly number[]): void;
  layerNorm(...parameters: readonly number[]): void;
  layerNormGradient(...parameters: readonly number[]): void;
  gelu(...parameters: readonly number[]): void;
  attention(...parameters: readonly number[]): void;
  attentionGradient(...parameters: readonly number[]): void;
}

/** What is used of the wasm engine; its own types keep it private. */
interface WasmBackend {
  readonly dataIdMap: { get(dataId: object): { readonly memoryOffset: number } };
  makeOutput(shape: number[], type: 'float32'): TensorFlow.TensorInfo;
  readonly wasm: WasmAllocator;
}

/** Kernels behind a training step's dense pieces, by the names they are registered under; see model/ops.ts for what each computes. */
export const denseKernelNames = [
  'HansaMultiply',
  'HansaColumnSums',
  'HansaLayerNorm',
  'HansaLayerNormGradient',
  'HansaGelu',
  'HansaAttention',
  'HansaAttentionGradient',
] as const;
export type DenseKernelName = (typeof denseKernelNames)[number];

/** Which build this Node and its processor take, after a try: none where there is no SIMD or neither module nor compiler. */
export function usableBuild(): DenseBuild | undefined {
  if (isUsable('fused')) return 'fused';
  return isUsable('plain') ? 'plain' : undefined;
}

function isUsable(build: DenseBuild): boolean {
  const module = compiledDense(build);
  if (module === undefined) return false;
  if (webAssembly.validate(module)) return true;
  // Node 20 knows relaxed SIMD and keeps it behind a flag, which it reads again for every module; later ones have it.
  if (build === 'fused' && process.versions.node.startsWith('20.')) {
    setFlagsFromString('--experimental-wasm-relaxed-simd');
    return webAssembly.validate(module);
  }
  return false;
}

/**
 * Registers the kernels of a build on the wasm engine, whose memory it is, in place of those that were there.
 *
 * TensorFlow.js is passed in: whoever names an engine need not load it.
 */
export function registerDenseKernels(tf: typeof TensorFlow, build: DenseBuild, memory: WasmMemory): void {
  unregisterDenseKernels(tf);
  const kernels = kernelsIn(memory, build);
  if (kernels === undefined) return;
  for (const kernelName of denseKernelNames) {
    tf.registerKernel({
      kernelName,
      backendName: 'wasm',
      kernelFunc: ({ inputs, attrs, backend }) =>
        kernels[kernelName](inputs as Tensors, attrs as Attributes, backend as unknown as WasmBackend),
    });
  }
}

/** Leaves the wasm engine with its own kernels. */
export function unregisterDenseKernels(tf: typeof TensorFlow): void {
  for (const name of denseKernelNames) if (tf.getKernel(name, 'wasm') !== undefined) tf.unregisterKernel(name, 'wasm');
}

/** Kernels keep scratch in the engine's memory, so each build is made once for it. */
const made = new WeakMap<WasmMemory, Map<DenseBuild, Record<DenseKernelName, Kernel>>>();

function kernelsIn(memory: WasmMemory, build: DenseBuild): Record<DenseKernelName, Kernel> | undefined {
  const builds = made.get(memory) ?? new Map<DenseBuild, Record<DenseKernelName, Kernel>>();
  made.set(memory, builds);
  let kernels = builds.get(build);
  if (kernels === undefined) {
    const compiled = compiledDense(build);
    // Where a module cannot be kept it is compiled each time, and this time may fail.
    if (compiled === undefined) return undefined;
    const module = new webAssembly.Module(compiled);
    kernels = kernelsOf(new webAssembly.Instance(module, { env: { memory } }).exports as unknown as Functions);
    builds.set(build, kernels);
  }
  return kernels;
}

type Tensors = Readonly<Record<string, TensorFlow.TensorInfo>>;
type Attributes = Readonly<Record<string, number | boolean>>;
type Kernel = (
  inputs: Tensors,
  attributes: Attributes,
  backend: WasmBackend,
) => TensorFlow.TensorInfo | TensorFlow.TensorInfo[];

function kernelsOf(functions: Functions): Record<DenseKernelName, Kernel> {
  const fixedSizeBytes = functions.scratchSizeBytes();
  let scratchAt = 0;
  let scratchSizeBytes = 0;
  /** Memory for a kernel's own use, kept from call to call; on a cache line. */
  const scratch = ({ wasm }: WasmBackend, moreSizeBytes = 0): number => {
    const needed = fixedSizeBytes + moreSizeBytes + 64;
    if (needed > scratchSizeBytes) {
      if (scratchSizeBytes > 0) wasm._free(scratchAt);
      // Until there is other memory, there is none.
      scratchSizeBytes = 0;
      // A number of 32 bits with a sign above 2 GB.
      scratchAt = wasm._malloc(needed) >>> 0;
      scratchSizeBytes = needed;
    }
    return Math.ceil(scratchAt / 64) * 64;
  };
  return {
    HansaMultiply({ a, b, start }, { transposeA, transposeB }, backend) {
      const at = places(backend);
      const [aRows, aColumns] = sides(a!);
      const [bRows, bColumns] = sides(b!);
      const [rows, depth] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
      const columns = transposeB ? bRows : bColumns;
      const out = backend.makeOutput([rows, columns], 'float32');
      functions.multiply(
        scratch(backend),
        rows,
        columns,
        depth,
        at(a!),
        ...(transposeA ? [1, aColumns] : [aColumns, 1]),
        at(b!),
        ...(transposeB ? [1, bColumns] : [bColumns, 1]),
        at(out),
        columns,
        start === undefined ? 0 : at(start),
      );
      return out;
    },
    HansaColumnSums({ x }, _, backend) {
      const at = places(backend);
      const [rows, columns] = sides(x!);
      const out = backend.makeOutput([columns], 'float32');
      functions.columnSums(rows, columns, at(x!), at(out));
      return out;
    },
    HansaLayerNorm({ x, gain, shift }, _, backend) {
      const at = places(backend);
      const [rows, columns] = sides(x!);
      const outs = [[rows, columns], [rows, columns], [rows]].map((shape) => backend.makeOutput(shape, 'float32'));
      functions.layerNorm(rows, columns, at(x!), at(gain!), at(shift!), ...outs.map(at));
      return outs;
    },
    HansaLayerNormGradient({ dy, normal, inverse, gain }, _, backend) {
      const at = places(backend);
      const [rows, columns] = sides(dy!);
      const outs = [[rows, columns], [columns], [columns]].map((shape) => backend.makeOutput(shape, 'float32'));
      functions.layerNormGradient(rows, columns, at(dy!), at(normal!), at(inverse!), at(gain!), ...outs.map(at));
      return outs;
    },
    HansaGelu({ x }, _, backend) {
      const at = places(backend);
      const [rows, columns] = sides(x!);
      const value = backend.makeOutput([rows, columns], 'float32');
      const slope = backend.makeOutput([rows, columns], 'float32');
      functions.gelu(rows * columns, at(x!), at(value), at(slope));
      return [value, slope];
    },
    HansaAttention({ query, key, value, mask }, { heads }, backend) {
      const at = places(backend);
      const sizes = attentionSizes(query!, key!, mask!, Number(heads));
      const { batch, asking, tokens, width } = sizes;
      const out = backend.makeOutput([batch * asking, Number(heads) * width], 'float32');
      const weights = backend.makeOutput([batch * Number(heads) * asking, functions.paddedTokens(tokens)], 'float32');
      functions.attention(
        scratch(backend, functions.attentionScratchSizeBytes(asking, tokens)),
        ...[batch, asking, tokens, Number(heads), width, 1 / Math.sqrt(width)],
        ...[query!, key!, value!, mask!, out, weights].map(at),
      );
      return [out, weights];
    },
    HansaAttentionGradient({ dy, query, key, value, weights, mask }, { heads }, backend) {
      const at = places(backend);
      const { batch, asking, tokens, width } = attentionSizes(query!, key!, mask!, Number(heads));
      const outs = [query!, key!, value!].map(({ shape }) => backend.makeOutput(shape, 'float32'));
      functions.attentionGradient(
        scratch(backend, functions.attentionScratchSizeBytes(asking, tokens)),
        ...[batch, asking, tokens, Number(heads), width, 1 / Math.sqrt(width)],
        ...[dy!, query!, key!, value!, weights!, ...outs].map(at),
      );
      return outs;
    },
  };
}

/** Where tensors lie in the engine's memory. */
const places =
  (backend: WasmBackend) =>
  ({ dataId }: TensorFlow.TensorInfo): number =>
    backend.dataIdMap.get(dataId).memoryOffset;

/** Rows and columns of a matrix. */
function sides({ shape }: TensorFlow.TensorInfo): readonly [number, number] {
  const [rows, columns] = shape;
  if (rows === undefined || columns === undefined) throw new RangeError('the kernel takes matrices');
  return [rows, columns];
}

function attentionSizes(
  query: TensorFlow.TensorInfo,
  key: TensorFlow.TensorInfo,
  { shape: [batch = 1] }: TensorFlow.TensorInfo,
  heads: number,
) {
  const [queries, size] = sides(query);
  return { batch, asking: queries / batch, tokens: sides(key)[0] / batch, width: size / heads };
}
