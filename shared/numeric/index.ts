export { type FixedPointBounds, fitsWithoutWrap, scaleLog2For, wordLimit } from './fixedPoint.ts';
export {
  elementCount,
  layOut,
  type Manifest,
  parameterCount,
  type TensorEntry,
} from './manifest.ts';
export {
  encodeFile,
  encodeHeader,
  openModelFile,
  readHeader,
  readHeaderFrom,
  readHeaderOfFile,
  readTensorTable,
  type SafetensorsHeader,
  type SafetensorsLimits,
  type StoredTensor,
  standardSafetensorsLimits,
  type TensorTable,
} from './safetensors.ts';
