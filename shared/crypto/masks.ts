/** What mask expansion needs of this folder, without libsodium: a thread that expands masks has no use for its memory. */
export { MaskStream, maskBlockSizeBytes } from './maskStream.ts';
export { SecretBytes } from './secretBytes.ts';
