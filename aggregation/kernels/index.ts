/** Arithmetic on tiles of vectors as SIMD WebAssembly, each kernel with a twin in plain TypeScript. */
export { kernels } from './chosenKernels.ts';
export {
  blockValues,
  type Kernels,
  signsAt,
  sumAt,
  termsAt,
  tileSizeBytes,
  valuesAt,
} from './kernels.ts';
export { plainKernels } from './plainKernels.ts';
