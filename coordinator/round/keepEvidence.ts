import { type Evidence, evidenceId, evidenceSchema } from '@hansa/shared/protocol/secagg';
import { z } from 'zod';
import type { RoundPorts } from './ports.ts';

/** Where a member was caught. */
export interface EvidencePlace {
  readonly taskId: string;
  /** `seq` of the OPEN or of the draw. */
  readonly attempt: number;
  readonly clientId: string;
}

/** Keeps the proof that a member contradicted itself for good, and tells of it. @throws what the store throws */
export async function keepEvidence(
  { log, store, clock }: Pick<RoundPorts, 'log' | 'store' | 'clock'>,
  place: EvidencePlace,
  evidence: Evidence,
): Promise<void> {
  const id = Buffer.from(evidenceId(evidence)).toString('hex');
  log.warn({ client: place.clientId, kind: evidence.kind, evidence: id }, 'caught a member contradicting itself');
  const wire = JSON.stringify(z.encode(evidenceSchema, evidence));
  await store.addEvidence({ id, foundAtMs: clock.now(), ...place, wire });
}
