/** What mask expansion needs of this folder, without libsodium, whose memory a thread that expands masks does not need. */
export { MaskStream, maskBlockSizeBytes } from './maskStream.ts';
export { SecretBytes } from './secretBytes.ts';
