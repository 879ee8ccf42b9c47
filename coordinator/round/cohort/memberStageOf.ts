import type { MemberStage } from '@hansa/shared/protocol';
import type { NodeSetupMessageName } from '@hansa/shared/protocol/secagg';

/** The stage that a member is in once a message of its was taken. */
export const memberStageOf: Record<NodeSetupMessageName, MemberStage> = {
  advertiseKeys: 'keysAdvertised',
  shareKeys: 'sharesSent',
  acknowledgeShares: 'sharesAccepted',
  maskedInputHeader: 'uploading',
  signSurvivors: 'signed',
  revealShares: 'revealed',
};

/** Whether a message belongs to a set-up. */
export const isSetupMessage = (name: string): name is NodeSetupMessageName => Object.hasOwn(memberStageOf, name);
