import { z } from 'zod';
import { enc, hashOf } from './enc.ts';
import { bytes32Schema, rosterIndexSchema, signatureSchema } from './limits.ts';

/** M1, node to coordinator: the fresh public keys of one set-up, signed by the node ("m1"). */
export const advertiseKeysSchema = z.strictObject({
  sid: bytes32Schema,
  index: rosterIndexSchema,
  /** C_i: the X25519 key for which the others seal their shares. */
  cipherKey: bytes32Schema,
  /** S_i: the X25519 key of the pairwise masks. */
  maskKey: bytes32Schema,
  /** HB_i: the commitment to the seed of the self mask. */
  selfCommitment: bytes32Schema,
  signature: signatureSchema,
});

export type AdvertiseKeys = z.output<typeof advertiseKeysSchema>;

/** The bytes that the node signs with label "m1". */
export const advertiseKeysBytes = (message: Omit<AdvertiseKeys, 'signature'>): Uint8Array =>
  enc(message.sid, message.index, message.cipherKey, message.maskKey, message.selfCommitment);

/** HB_i = H(enc("b", sid, i, b_i)). */
export const selfCommitment = (sid: Uint8Array, index: number, selfSeed: Uint8Array): Uint8Array =>
  hashOf('b', sid, index, selfSeed);
