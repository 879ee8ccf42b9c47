import type { ClientEffect, ClientPorts } from '@hansa/aggregation/secagg/client';
import { equalBytes } from '@hansa/shared/crypto';
import type { Logger } from '@hansa/shared/log';
import type { Plan } from '@hansa/shared/protocol';
import type { ControlRequest } from '../../trainer/index.ts';
import type { Controls } from '../controls.ts';

export interface ControlPorts {
  readonly reducer: ClientPorts;
  readonly controls: Controls;
  readonly log: Logger;
}

/** SCAFFOLD's control variates for a round, c fetched; undefined under another strategy. @throws as {@link Controls.prepare} */
export async function fetchControl(
  taskId: string,
  { strategy }: Plan,
  { round, config, controlHash }: Extract<ClientEffect, { readonly type: 'prepareRound' }>,
  { reducer: { memory, identity }, controls, log }: ControlPorts,
  signal: AbortSignal,
): Promise<ControlRequest | undefined> {
  if (strategy.name !== 'scaffold') return undefined;
  const own = memory.roster()?.members.find(({ publicKey }) => equalBytes(publicKey, identity.publicKey));
  if (own === undefined) throw new RangeError('a round began before a roster listed this node');
  // The update and as many numbers of the control variate.
  const length = config.vectorLength / 2;
  const { isLost, ...files } = await controls.prepare({
    taskId,
    controlHash,
    length,
    round,
    member: own.index,
    signal,
  });
  if (isLost)
    log.warn(
      { task: taskId, round },
      "this node's control variate of the task is lost or not of the newest sum that it is in: it starts over with the members' mean",
    );
  return { ...files, taskId, member: own.index, clipNorm: strategy.controlClipNorm };
}
