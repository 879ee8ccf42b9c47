import { describe, expect, it } from 'vitest';
import { IdentityKey, SecretBytes } from '../../crypto/index.ts';
import { cohortBytes } from './cohort.ts';
import { enc, encFields } from './enc.ts';
import { type Evidence, evidenceId, isEvidence, statementText } from './evidence.ts';
import { roundBytes, roundHash } from './startRound.ts';

const bytes = (fill: number) => new Uint8Array(32).fill(fill);
const key = new IdentityKey(new SecretBytes(bytes(1)));
const other = new IdentityKey(new SecretBytes(bytes(2)));

const cohort = (sid: number, hash: number, signer = key) => {
  const statement = cohortBytes(bytes(sid), bytes(hash));
  return { bytes: statement, signature: signer.sign('l1', statement) };
};
const evidence: Evidence = { kind: 'cohort', signer: key.publicKey, first: cohort(3, 4), second: cohort(3, 5) };

describe('evidence', () => {
  it('is two statements of one signer for one slot', () => {
    expect(isEvidence(evidence)).toBe(true);
  });

  it.each<[string, Partial<Evidence>]>([
    ['one statement twice', { second: cohort(3, 4) }],
    ['two slots', { second: cohort(6, 5) }],
    ['two signers', { second: cohort(3, 5, other) }],
    ['another signer than the one accused', { signer: other.publicKey }],
    ['another kind', { kind: 'survivors' }],
    ['a statement that is cut short', { second: { ...cohort(3, 5), bytes: cohort(3, 5).bytes.slice(0, -1) } }],
    ['a statement with a field more', { second: signed(enc(bytes(3), bytes(5), 1)) }],
  ])('is not %s', (_, change) => {
    expect(isEvidence({ ...evidence, ...change })).toBe(false);
  });

  it('of a round is on the hash of its statement', () => {
    const bind = (round: number) => {
      const binding = {
        sid: bytes(1),
        cohortHash: bytes(2),
        round,
        modelHash: bytes(3),
        controlHash: bytes(6),
        configHash: bytes(4),
        sharers: bytes(5),
      };
      return { bytes: roundBytes(binding), signature: key.sign('round', roundHash(binding)) };
    };
    expect(isEvidence({ kind: 'startRound', signer: key.publicKey, first: bind(1), second: bind(2) })).toBe(true);
    expect(statementText('startRound', bind(7).bytes)).toMatchObject({ kind: 'round', round: '7' });
  });

  it('has the same id for either order of the statements', () => {
    expect(evidenceId(evidence)).toEqual(evidenceId({ ...evidence, first: evidence.second, second: evidence.first }));
  });
});

function signed(statement: Uint8Array) {
  return { bytes: statement, signature: key.sign('l1', statement) };
}

describe('encFields', () => {
  it('is the inverse of enc, and undefined for anything else', () => {
    const fields = [bytes(1), new Uint8Array(), bytes(2).slice(0, 5)];
    expect(encFields(enc(...fields))).toEqual(fields);
    expect(encFields(new Uint8Array())).toEqual([]);
    expect(encFields(Uint8Array.of(0, 0, 0, 2, 1))).toBeUndefined();
    expect(encFields(Uint8Array.of(0, 0, 1))).toBeUndefined();
  });
});
