/** Arithmetic on tiles of vectors as SIMD WebAssembly, each kernel with a twin in plain TypeScript. */
export { compiledKernels } from './build/compiledKernels.ts';
export { kernels } from './chosenKernels.ts';
export {
  blockValues,
  type Kernels,
  signsAt,
  sumAt,
  termsAt,
  termTiles,
  tileSizeBytes,
  valuesAt,
} from './kernels.ts';
export { plainKernels } from './plainKernels.ts';
