import { HansaError } from '@hansa/shared/errors';
import { decodeMessage } from '@hansa/shared/protocol/secagg';
import { describe, expect, it } from 'vitest';
import type { ClientEffect, ClientEvent } from '../client/types.ts';
import { ReducerLeague } from '../testing/reducerLeague.ts';
import { leagueNowMs } from '../testing/setting.ts';
import { SetupDriver, type SetupPorts, wipeSecrets } from './index.ts';

/** A driver of a league's first node that writes down what its ports begin and end, and its OPEN. */
function sceneOf(change: Partial<SetupPorts> = {}) {
  const league = new ReducerLeague({ size: 5, seed: 'driver' }).open();
  const node = league.nodes.get(ReducerLeague.indexOf(0))!;
  const did: string[] = [];
  const slow = async (effect: ClientEffect): Promise<void> => {
    did.push(`${effect.type} begins`);
    await new Promise(setImmediate);
    did.push(`${effect.type} ends`);
  };
  const driver = new SetupDriver(node.reducerPorts, {
    journal: slow,
    evidence: slow,
    send: slow,
    expandMasks: slow,
    prepareRound: slow,
    mask: slow,
    upload: slow,
    wipe: (effect) => {
      did.push('wipe');
      wipeSecrets(effect);
    },
    closed: ({ outcome }) => void did.push(`closed: ${outcome.type === 'abandoned' ? outcome.code : outcome.type}`),
    failed: (error) => void did.push(`failed: ${(error as Error).message}`),
    ...change,
  });
  const sent = league.toNodes.find(({ to }) => to === node.index)!;
  const message = decodeMessage(sent.name, JSON.parse(sent.wire));
  const open = { type: 'message', name: sent.name, message, nowMs: leagueNowMs } as ClientEvent;
  return { driver, did, open };
}

describe('SetupDriver', () => {
  it('begins no effect before the one before it has ended', async () => {
    const { driver, did, open } = sceneOf();
    await driver.apply(open);
    expect(did).toEqual(['journal begins', 'journal ends', 'send begins', 'send ends']);
    expect(driver.state.phase).toBe('advertised');
  });

  it('changes nothing for an event that is refused', async () => {
    const { driver, did, open } = sceneOf();
    await expect(driver.apply({ ...open, nowMs: leagueNowMs + 1e9 } as ClientEvent)).rejects.toThrow(HansaError);
    expect(did).toEqual([]);
    expect(driver.state.phase).toBe('waiting');
  });

  it('sends nothing whose record is not on disk, ends the set-up and wipes its secrets', async () => {
    const full = new HansaError('StorageFull', 'the disk is full');
    const { driver, did, open } = sceneOf({ journal: () => Promise.reject(full) });
    await expect(driver.apply(open)).rejects.toBe(full);
    expect(did).toEqual(['failed: the disk is full', 'wipe', 'closed: StorageFull']);
    expect(driver.state.phase).toBe('closed');
  });

  it('tells the reducer an error that has no code as an internal one, and fails once', async () => {
    const { driver, did, open } = sceneOf();
    await driver.apply(open);
    did.length = 0;
    await driver.fail(new Error('out of luck'));
    await driver.fail(new Error('again'));
    expect(did).toEqual(['failed: out of luck', 'wipe', 'closed: Internal']);
  });

  it('refuses a port that has to be waited for where nothing waits', () => {
    const { driver, did, open } = sceneOf({ failed: () => undefined });
    expect(() => driver.applyNow(open)).toThrow(RangeError);
    expect(did[0]).toBe('journal begins');
  });
});
