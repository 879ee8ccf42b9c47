export { equalBytes, sha256 } from './hash.ts';
export { SecretBytes } from './secretBytes.ts';
export type { SignatureLabel } from './signatures.ts';
