import type { Row } from '../harness/row.ts';
import { alteredBoxes } from './alteredBoxes.ts';
import { bothSecretsOfOne } from './bothSecretsOfOne.ts';
import { cheatingMember } from './cheatingMember.ts';
import { chosenGraph } from './chosenGraph.ts';
import { differentCohorts } from './differentCohorts.ts';
import { differentModels } from './differentModels.ts';
import { differentU3 } from './differentU3.ts';
import { dropOuts } from './dropOuts.ts';
import { falseQuorum } from './falseQuorum.ts';
import { forgedSignatures } from './forgedSignatures.ts';
import { malformedMessages } from './malformedMessages.ts';
import { replayedMessages } from './replayedMessages.ts';
import { restartedNode } from './restartedNode.ts';
import { retryAfterM4 } from './retryAfterM4.ts';
import { secondM3 } from './secondM3.ts';
import { secretsLeftBehind } from './secretsLeftBehind.ts';
import { shareOfOutsider } from './shareOfOutsider.ts';
import { steeredGroups } from './steeredGroups.ts';
import { sumTooSmall } from './sumTooSmall.ts';
import { sybils } from './sybils.ts';
import { u3OutsideU2 } from './u3OutsideU2.ts';
import { unusableKeys } from './unusableKeys.ts';
import { weightsOverRounds } from './weightsOverRounds.ts';
import { wrappedRing } from './wrappedRing.ts';

/** The rows of the attack table, in its order. */
export const rows: readonly Row[] = [
  bothSecretsOfOne,
  differentU3,
  u3OutsideU2,
  secondM3,
  retryAfterM4,
  restartedNode,
  differentCohorts,
  differentModels,
  replayedMessages,
  alteredBoxes,
  forgedSignatures,
  sumTooSmall,
  sybils,
  shareOfOutsider,
  falseQuorum,
  chosenGraph,
  steeredGroups,
  cheatingMember,
  unusableKeys,
  wrappedRing,
  dropOuts,
  weightsOverRounds,
  secretsLeftBehind,
  malformedMessages,
];
