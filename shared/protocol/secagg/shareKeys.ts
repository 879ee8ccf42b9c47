import { z } from 'zod';
import { fixedBytes } from '../bytes.ts';
import { enc, hashOf } from './enc.ts';
import { bytes32Schema, maxHolders, rosterIndexSchema, signatureSchema } from './limits.ts';

/** XChaCha20's nonce: 24 bytes. */
export const nonceSchema = fixedBytes(24);

/** x (1 byte), the share of b (32), the share of s (32) and Poly1305's tag (16): 81 bytes. */
export const sealedShareSchema = fixedBytes(81);

/**
 * M2, node to coordinator: a sealed pair of shares for every holder but the node itself, and a commitment to the shares of every holder; signed ("m2").
 *
 * Both lists are sorted by holder. `cohortSignature` is the coordinator's own on (sid, h1): two of them on different h1 prove that it equivocated.
 */
export const shareKeysSchema = z.strictObject({
  sid: bytes32Schema,
  index: rosterIndexSchema,
  cohortHash: bytes32Schema,
  cohortSignature: signatureSchema,
  boxes: z
    .array(z.strictObject({ holder: rosterIndexSchema, nonce: nonceSchema, ciphertext: sealedShareSchema }))
    .max(maxHolders),
  commitments: z
    .array(z.strictObject({ holder: rosterIndexSchema, selfHash: bytes32Schema, maskHash: bytes32Schema }))
    .max(maxHolders),
  signature: signatureSchema,
});

export type ShareKeys = z.output<typeof shareKeysSchema>;

/** The bytes that the node signs with label "m2". */
export const shareKeysBytes = (message: Omit<ShareKeys, 'signature'>): Uint8Array =>
  enc(
    message.sid,
    message.index,
    message.cohortHash,
    message.cohortSignature,
    enc(...message.boxes.map((box) => enc(box.holder, box.nonce, box.ciphertext))),
    enc(...message.commitments.map((entry) => enc(entry.holder, entry.selfHash, entry.maskHash))),
  );

/** Which secret of a dealer a share belongs to: its self mask's seed b, or its mask key s. */
export type ShareKind = 'self' | 'mask';

/** hb_ij and hs_ij = H(enc("share", sid, dealer, holder, "b" or "s", share)). */
export const shareHash = (
  sid: Uint8Array,
  dealer: number,
  holder: number,
  kind: ShareKind,
  share: Uint8Array,
): Uint8Array => hashOf('share', sid, dealer, holder, kind === 'self' ? 'b' : 's', share);
