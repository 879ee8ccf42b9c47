import { z } from 'zod';
import { sha256 } from '../../crypto/hash.ts';
import { roundNumberSchema } from '../ids.ts';
import { enc } from './enc.ts';
import { bitmapSchema, bytes32Schema, signatureSchema } from './limits.ts';

/** M3, coordinator to node: the round this set-up is for, the model to train from and U2; the coordinator signs R with label "round". */
export const startRoundSchema = z.strictObject({
  sid: bytes32Schema,
  round: roundNumberSchema,
  /** SHA-256 of the model's bytes. */
  modelHash: bytes32Schema,
  /** SHA-256 of the file of c that SCAFFOLD's members train with; {@link noControl} in its first round and under any other strategy. */
  controlHash: bytes32Schema,
  /** U2 over the cohort's order: those whose masks can be rebuilt. */
  sharers: bitmapSchema,
  signature: signatureSchema,
});

export type StartRound = z.output<typeof startRoundSchema>;

/** `controlHash` where there is no file: c is zero, or the strategy has none. */
export const noControl: Uint8Array = new Uint8Array(32);

/** What a round is bound to. */
export interface RoundBinding {
  readonly sid: Uint8Array;
  readonly cohortHash: Uint8Array;
  readonly round: number;
  readonly modelHash: Uint8Array;
  readonly controlHash: Uint8Array;
  readonly configHash: Uint8Array;
  readonly sharers: Uint8Array;
}

/** enc("round", sid, h1, round, modelHash, controlHash, configHash, U2): what R is the hash of. */
export const roundBytes = (binding: RoundBinding): Uint8Array =>
  enc(
    'round',
    binding.sid,
    binding.cohortHash,
    binding.round,
    binding.modelHash,
    binding.controlHash,
    binding.configHash,
    binding.sharers,
  );

/** R = H({@link roundBytes}): also the bytes that the coordinator signs with label "round". */
export const roundHash = (binding: RoundBinding): Uint8Array => sha256(roundBytes(binding));
