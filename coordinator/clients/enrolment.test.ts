import { IdentityKey, newIdentitySeed } from '@hansa/shared/crypto';
import { type EnrolmentRequest, parseJoinToken } from '@hansa/shared/protocol';
import { systemRandom } from '@hansa/shared/random';
import { TestApprover } from '@hansa/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ToyLeague } from '../testing/toyLeague.ts';
import { ToyNode, type ToyNodeOptions } from '../testing/toyNode.ts';

const update = (_round: number, { vectorLength }: { vectorLength: number }) => new Float32Array(vectorLength).fill(0.1);

let league: ToyLeague;
beforeEach(async () => {
  league = await ToyLeague.start();
});
afterEach(() => league.close());

describe('enrolment in a consortium', () => {
  const enrol = async (enrolment: NonNullable<ToyNodeOptions['enrolment']>) =>
    ToyNode.enrol({ address: league.coordinator.address, token: await league.token(), update, enrolment });

  it.each<[string, NonNullable<ToyNodeOptions['enrolment']>]>([
    ['none', () => ({ approval: undefined })],
    [
      'one of another approver',
      ({ publicKey }) => ({
        approval: new TestApprover().approve(
          { federation: league.coordinator.federation, coordinatorKey: publicKey },
          publicKey,
        ),
      }),
    ],
    [
      'one for another key',
      (_identity, { approval }) => ({ approval: { ...approval!, signature: new Uint8Array(64) } }),
    ],
    ['one that expires later', (_identity, { approval }) => ({ approval: { ...approval!, expiresAtMs: 2 ** 50 } })],
  ])('refuses a node with no valid approval: %s', async (_what, enrolment) => {
    await expect(enrol(enrolment)).rejects.toMatchObject({ code: 'BadApproval' });
    expect((await league.status()).clients).toEqual([]);
  });

  it("refuses the approval of another node, and of another node's token", async () => {
    let seen: EnrolmentRequest | undefined;
    await enrol((_identity, request) => {
      seen = request;
      return {};
    });
    await expect(enrol(() => ({ approval: seen?.approval }))).rejects.toMatchObject({ code: 'BadApproval' });
    // A token's holder approves a second key with it, under the secret of another token.
    const { address } = league.coordinator;
    const [one, two] = [await league.token(), await league.token()];
    const { approve } = parseJoinToken(one);
    const enrolment: ToyNodeOptions['enrolment'] = ({ publicKey }) => ({ approval: approve(publicKey) });
    const borrowed = ToyNode.enrol({ address, token: two, update, enrolment });
    await expect(borrowed).rejects.toMatchObject({ code: 'BadApproval' });
    expect((await league.status()).clients).toHaveLength(1);
  });

  it("takes no token of another approver, and none where members approve, once the first was the consortium's", async () => {
    await league.token();
    for (const approver of [new IdentityKey(newIdentitySeed(systemRandom)), undefined]) {
      league.approver = approver;
      await expect(league.token()).rejects.toMatchObject({ code: 'InvalidArgument' });
    }
  });
});

describe('a federation whose members approve each other', () => {
  it('lists a newcomer in the epoch after enough members approved it, and a round counts it', async () => {
    league.approver = undefined;
    const founders = await league.enrol(5, { update });
    const first = await league.createTask({ rounds: 1 });
    await Promise.all(founders.map((node) => node.connect()));
    await Promise.all(founders.map((node) => node.ended));

    const [newcomer] = await league.enrol(1, { update });
    const { clientId, fingerprint } = newcomer!;
    await newcomer!.connect();
    const wrong = founders[0]!.approve(clientId, founders[1]!.fingerprint);
    await expect(wrong).rejects.toMatchObject({ code: 'BadApproval' });
    await expect(newcomer!.approve(clientId, fingerprint)).rejects.toMatchObject({ code: 'UnknownClient' });
    expect(await founders[0]!.approve(clientId, fingerprint)).toEqual({ given: 1, needed: 2 });
    expect((await league.status()).clients.at(-1)).toMatchObject({ inRoster: false, approvals: 1 });
    expect(await founders[3]!.approve(clientId, fingerprint)).toEqual({ given: 2, needed: 2 });

    const second = await league.createTask({ rounds: 1, cohort: { minimum: 6 } });
    await expect.poll(async () => (await league.task(second)).state).toBe('completed');
    const selected = async (task: string) => (await league.rounds(task)).map((round) => round.selected.length);
    expect([await selected(first), await selected(second)]).toEqual([[5], [6]]);
    expect((await league.status()).clients.at(-1)).toMatchObject({ inRoster: true });
    for (const { outcomes } of league.nodes)
      expect(outcomes.at(-1)).toMatchObject({ type: 'committed', included: true, survivors: 6 });
  });

  it('enrols nobody with an approval that is not asked for', async () => {
    league.approver = undefined;
    const { federation, address } = league.coordinator;
    const enrolment = ToyNode.enrol({
      address,
      token: await league.token(),
      update,
      enrolment: ({ publicKey }) => ({
        approval: new TestApprover().approve({ federation, coordinatorKey: publicKey }, publicKey),
      }),
    });
    await expect(enrolment).rejects.toMatchObject({ code: 'BadApproval' });
  });
});
