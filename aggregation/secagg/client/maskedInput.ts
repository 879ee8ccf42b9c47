import { equalBytes } from '@hansa/shared/crypto';
import { maskedInputHeaderBytes } from '@hansa/shared/protocol/secagg';
import { bitsOf } from '../cohortView.ts';
import { byteLengthOf } from '../encoding/layout.ts';
import { edgesOf } from '../graph.ts';
import { pairMaskKey, pairSign, selfMaskKey } from '../maskKeys.ts';
import type { MaskPlan } from '../masks.ts';
import { refuse } from '../refuse.ts';
import type { ClientEvent, ClientPorts, ClientStateIn, ClientStep, RoundFacts } from './types.ts';

/**
 * The masks of this round, which its M3 alone decides: so that they can be made while the node trains. Derived once for a set-up, since a second vector
 * under the same masks would lay both open.
 */
export function masksOf(
  { setup, cohort, secrets, holders, dealers }: ClientStateIn<'acknowledged'>,
  { roundHash, sharers }: RoundFacts,
): MaskPlan {
  const { sid, index } = setup;
  return {
    self: { key: selfMaskKey(sid, roundHash, index, secrets.selfSeed), sign: 1 },
    pairs: edgesOf(sharers, index, holders, dealers).map((other) => ({
      key: pairMaskKey(
        sid,
        roundHash,
        { index, maskKey: secrets.maskKey },
        { index: other, maskKey: cohort.members.get(other)!.maskKey },
      ),
      sign: pairSign(index, other),
    })),
  };
}

/** Trained: the update is masked, once for a set-up. */
export function maskUpdate(
  state: ClientStateIn<'training'>,
  event: Extract<ClientEvent, { readonly type: 'prepared' }>,
): ClientStep {
  if (!equalBytes(event.modelHash, state.round.modelHash))
    refuse('ModelMismatch', 'This node trained from other bytes than the model the round is bound to.');
  const { config } = state.setup.open;
  return {
    state: { ...state, phase: 'masking' },
    effects: [{ type: 'mask', byteLength: byteLengthOf(config), config }],
  };
}

/** Masked: signs what the vector is; from here on only these bytes leave, however often they are asked for. */
export function freezeVector(
  state: ClientStateIn<'masking'>,
  event: Extract<ClientEvent, { readonly type: 'maskedVector' }>,
  ports: ClientPorts,
): ClientStep {
  const { setup, round, cohort, accepted } = state;
  const byteLength = byteLengthOf(setup.open.config);
  if (event.byteLength !== byteLength)
    throw new RangeError(`The masked vector has ${event.byteLength} bytes instead of ${byteLength}`);
  const unsigned = {
    sid: setup.sid,
    roundHash: round.roundHash,
    index: setup.index,
    edges: bitsOf(cohort, edgesOf(round.sharers, setup.index, state.holders, state.dealers)),
    byteLength,
    vectorHash: event.vectorHash,
  };
  const header = { ...unsigned, signature: ports.identity.sign('m3', maskedInputHeaderBytes(unsigned)) };
  const upload = { type: 'upload', header } as const;
  // The coordinator asks again for a vector by repeating M3.
  const startRound = { ...accepted.startRound!, replies: [upload] };
  return {
    state: { ...state, phase: 'masked', accepted: { ...accepted, startRound } },
    effects: [upload],
  };
}
