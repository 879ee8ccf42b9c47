import type { Architecture } from '../model/index.ts';

/** The smallest architecture that a model can have, some 3,000 numbers: for tests in which nothing is trained. */
export const smallestArchitecture: Architecture = {
  formatVersion: 2,
  encoder: { hiddenSize: 8, layers: 1, attentionHeads: 1, feedForwardSize: 8, positions: 32 },
  heads: { demand: { pastPatches: 1, futurePatches: 1, staticRows: 1, staticWidth: 1, staticNumbers: 0 } },
};
