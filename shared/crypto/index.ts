export { deriveKey, hkdfSha256 } from './deriveKey.ts';
export { equalBytes, fingerprintOf, sha256 } from './hash.ts';
export { IdentityKey, newIdentitySeed } from './identityKey.ts';
export {
  agree,
  agreementKeyPair,
  agreementPublicKey,
  agreeWithAll,
  type ImportedAgreementKey,
  importAgreementKey,
  isUsableAgreementKey,
} from './keyAgreement.ts';
export { MaskStream, maskBlockSizeBytes, maskTileSizeBytes } from './maskStream.ts';
export { seal, sealNonceBytes, unseal } from './seal.ts';
export { SecretBytes } from './secretBytes.ts';
export { combineShares, type Share, splitSecret } from './shamir.ts';
export { type SignatureLabel, verifyEd25519, verifyLabelled } from './signatures.ts';
