import type { Architecture } from '../model/index.ts';
import { DEMAND_ANCHORS, DEMAND_ROW_WIDTH } from '../model/jobs/demand.ts';

/** The smallest architecture that a model can have, some 7,500 numbers: for tests in which nothing is trained. */
export const smallestArchitecture: Architecture = {
  formatVersion: 3,
  encoder: { hiddenSize: 8, layers: 1, attentionHeads: 1, feedForwardSize: 8, positions: 32 },
  heads: {
    demand: {
      pastPatches: 1,
      futurePatches: 1,
      staticRows: 1,
      staticWidth: 1,
      staticNumbers: 0,
      anchors: DEMAND_ANCHORS,
      rowWidth: DEMAND_ROW_WIDTH,
    },
  },
};
