import { dirname } from 'node:path';

/** The suite must come to its end within this time. */
export const limitSeconds = 60;

/**
 * The test files that faults are killed by, quick ones first: those of the cryptography and of secure aggregation, but for the long property tests
 * (whole cohorts, drop-outs at every stage, cuts of vectors, the rotation) and those that compile kernels or start threads.
 */
export const suite: readonly string[] = [
  'shared/crypto/signatures.test.ts',
  'shared/crypto/secretBytes.test.ts',
  'shared/crypto/seal.test.ts',
  'shared/crypto/keyAgreement.test.ts',
  'shared/crypto/maskStream.test.ts',
  'shared/crypto/shamir.test.ts',
  'shared/numeric/fixedPoint.test.ts',
  'shared/protocol/joinToken.test.ts',
  'shared/protocol/secagg/config.test.ts',
  'shared/protocol/secagg/evidence.test.ts',
  'aggregation/secagg/construction.test.ts',
  'aggregation/secagg/thresholds.test.ts',
  'aggregation/secagg/graph.test.ts',
  'aggregation/secagg/parameters/parameters.test.ts',
  'aggregation/secagg/client/floors.test.ts',
  'aggregation/secagg/server/sharers.test.ts',
  'aggregation/secagg/encoding/smallRing.test.ts',
  'aggregation/secagg/encoding/encoding.test.ts',
  'aggregation/secagg/encoding/parts.test.ts',
  'aggregation/secagg/client/hostileCoordinator.test.ts',
  'aggregation/secagg/server/hostileNode.test.ts',
  'aggregation/secagg/client/roster.test.ts',
  'aggregation/secagg/grouping/draw.test.ts',
  'aggregation/strategy/fedNova.test.ts',
  'aggregation/kernels/kernels.test.ts',
  'shared/protocol/secagg/messages.test.ts',
];

/**
 * The suite with the likely killers of a fault first: the test files that lie beside what it alters, then those of the same package. The last file of
 * the suite, the slowest, stays the last.
 */
export function likelyFirst(files: readonly string[]): readonly string[] {
  const distance = (test: string): number => {
    if (files.some((file) => dirname(file) === dirname(test))) return 0;
    return files.some((file) => file.split('/')[0] === test.split('/')[0]) ? 1 : 2;
  };
  const [last, ...others] = suite.toReversed();
  return [...others.reverse().sort((left, right) => distance(left) - distance(right)), last!];
}
