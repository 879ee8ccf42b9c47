import { HansaError } from '@hansa/shared/errors';
import { fixedBytes, leaveSchema, progressSchema } from '@hansa/shared/protocol';
import type { NodeDrawMessageName } from '@hansa/shared/protocol/secagg';
import { z } from 'zod';
import type { DrawDriver } from '../assembly/drawDriver.ts';
import type { AttemptDriver } from '../attempt/attemptDriver.ts';
import { parseMessage } from '../messages/parseMessage.ts';

/** What every message within a set-up carries. */
const ofSetupSchema = z.looseObject({ sid: fixedBytes(32) });

/** Everything of a task that nodes take part in now. */
export interface Receivers {
  readonly round: AttemptDriver | undefined;
  /** The next attempt's set-up. */
  readonly prepared: AttemptDriver | undefined;
  readonly draw: DrawDriver | undefined;
}

/** Hands a node's control message to whatever it is for; resolves to its acknowledgement's answer. @throws HansaError (when it is refused) */
export async function routeMessage(
  { round, prepared, draw }: Receivers,
  clientId: string,
  name: string,
  body: unknown,
): Promise<unknown> {
  const attempts = [round, prepared].filter((one) => one !== undefined);
  if (name === 'progress') {
    const progress = parseMessage(progressSchema, body, name);
    if (round === undefined) throw new HansaError('WrongRound', 'No round is in progress.');
    round.note(clientId, progress);
    return undefined;
  }
  if (name === 'leave') {
    // Between rounds there is nothing to leave: who left as a round ended is in time.
    const leave = parseMessage(leaveSchema, body, name);
    for (const attempt of attempts) attempt.leave(clientId, leave);
    return undefined;
  }
  if (isDrawMessage(name)) {
    if (draw === undefined) throw new HansaError('UnknownSetup', 'No draw is in progress.');
    draw.receive(clientId, name, body);
    return undefined;
  }
  const { sid } = parseMessage(ofSetupSchema, body, name.slice(0, 40));
  const attempt = attempts.find((one) => one.isSetup(sid));
  if (attempt === undefined) throw new HansaError('UnknownSetup', 'That set-up is none that is in progress.');
  return attempt.receive(clientId, sid, name, body);
}

const isDrawMessage = (name: string): name is NodeDrawMessageName => name === 'commitSeed' || name === 'revealSeed';
