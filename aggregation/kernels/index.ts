/** Arithmetic on tiles of vectors as SIMD WebAssembly, each kernel with a twin in plain TypeScript. */
export { kernels, makeKernels } from './chosenKernels.ts';
export {
  blockValues,
  type Kernels,
  signsAt,
  sumAt,
  termsAt,
  termTiles,
  tileSizeBytes,
  valuesAt,
  vectorAt,
} from './kernels.ts';
export { plainKernels } from './plainKernels.ts';
