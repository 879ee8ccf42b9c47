import { agreementKeyPair, IdentityKey, newIdentitySeed, SecretBytes, splitSecret } from '@hansa/shared/crypto';
import type { ErrorCode } from '@hansa/shared/errors';
import {
  acknowledgeSharesBytes,
  advertiseKeysBytes,
  decodeMessage,
  type Evidence,
  type EvidenceKind,
  encodeMessage,
  isEvidence,
  type MessageOf,
  maskedInputHeaderBytes,
  type NodeSetupMessageName,
  revealSharesBytes,
  shareHash,
  shareKeysBytes,
  survivorsBytes,
} from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import { describe, expect, it } from 'vitest';
import type { ClientState } from '../client/types.ts';
import { type LeagueOptions, ReducerLeague } from '../testing/reducerLeague.ts';
import type { ServerEvent } from './types.ts';

interface Scene<Of extends NodeSetupMessageName> {
  readonly league: ReducerLeague;
  /** The sender: the league's last node. */
  readonly from: number;
  readonly message: MessageOf<Of>;
  readonly identity: IdentityKey;
}

/** A league in which every node has answered with `name`, and the last node's answer is the one in hand; none is delivered yet. */
function sceneOf<Of extends NodeSetupMessageName>(name: Of, options: Partial<LeagueOptions> = {}): Scene<Of> {
  const league = new ReducerLeague({ size: 5, seed: name, ...options }).open();
  const from = Math.max(...league.nodes.keys());
  for (let exchanges = 0; exchanges < 12; exchanges++) {
    if (league.server.phase === 'ready') league.startRound();
    for (const { to, name: request, wire } of league.toNodes.splice(0))
      league.deliver(league.nodes.get(to)!, request, decodeMessage(request, JSON.parse(wire)));
    const found = league.toServer.find((entry) => entry.name === name && entry.from === from);
    if (found !== undefined) {
      const message = decodeMessage(name, JSON.parse(found.wire));
      return { league, from, message, identity: league.nodes.get(from)!.identity };
    }
    league.exchange();
  }
  throw new Error(`no "${name}" came`);
}

const tell = (league: ReducerLeague, from: number, name: NodeSetupMessageName, message: unknown): void =>
  league.tellServer({ type: 'message', from, name, message } as ServerEvent);

/** Refused by name, nothing changed, and the round still ends in its exact sum. */
function expectRefused<Of extends NodeSetupMessageName>(
  { league, from }: Scene<Of>,
  name: Of,
  message: MessageOf<Of>,
  code: ErrorCode,
  culprit: number | null = from,
  kept: readonly EvidenceKind[] = [],
): void {
  const before = league.server;
  const effects = league.effects.length;
  expect(() => tell(league, from, name, message)).toThrow(
    expect.objectContaining(culprit === null ? { code } : { code, details: expect.objectContaining({ culprit }) }),
  );
  expect(league.server).toBe(before);
  const evidence = league.effects
    .slice(effects)
    .map((effect) => (effect.type === 'evidence' ? effect.evidence : effect));
  expect(evidence).toMatchObject(kept.map((kind) => ({ kind, member: from })));
  for (const one of evidence) expect(isEvidence(one as Evidence)).toBe(true);
}

function expectCommits(league: ReducerLeague): void {
  league.run();
  expect(league.server.phase).toBe('committed');
}

const other = ReducerLeague.indexOf(0);

describe('M1', () => {
  const signed = ({ message, identity }: Scene<'advertiseKeys'>, change: Partial<MessageOf<'advertiseKeys'>>) => {
    const altered = { ...message, ...change };
    return { ...altered, signature: identity.sign('m1', advertiseKeysBytes(altered)) };
  };
  const key = agreementKeyPair(seededRandom('key')).publicKey;
  it.each<[string, ErrorCode, (scene: Scene<'advertiseKeys'>) => MessageOf<'advertiseKeys'>]>([
    ['in the name of another', 'InvalidMessage', (scene) => signed(scene, { index: other })],
    ['not signed', 'BadSignature', ({ message }) => ({ ...message, maskKey: key })],
    ['of another set-up', 'UnknownSetup', (scene) => signed(scene, { sid: new Uint8Array(32) })],
    ['with a low-order key', 'InvalidKey', (scene) => signed(scene, { maskKey: new Uint8Array(32) })],
    ['with one key for both uses', 'InvalidKey', (scene) => signed(scene, { maskKey: key, cipherKey: key })],
  ])('%s is refused: %s', (_, code, tamper) => {
    const scene = sceneOf('advertiseKeys');
    expectRefused(scene, 'advertiseKeys', tamper(scene), code);
    expectCommits(scene.league);
  });

  it('with keys or a commitment that another has is refused', () => {
    const scene = sceneOf('advertiseKeys');
    const [first] = scene.league.toServer.splice(0, 1);
    const theirs = decodeMessage('advertiseKeys', JSON.parse(first!.wire));
    tell(scene.league, first!.from, 'advertiseKeys', theirs);
    for (const field of ['cipherKey', 'maskKey', 'selfCommitment'] as const)
      expectRefused(scene, 'advertiseKeys', signed(scene, { [field]: theirs[field] }), 'InvalidKey');
    expectCommits(scene.league);
  });

  it('twice is answered, with other bytes refused; from one who was not asked, unknown', () => {
    const scene = sceneOf('advertiseKeys');
    const { league, from, message } = scene;
    tell(league, from, 'advertiseKeys', message);
    const before = league.server;
    tell(league, from, 'advertiseKeys', message);
    expect(league.server).toBe(before);
    expectRefused(scene, 'advertiseKeys', signed(scene, { maskKey: key }), 'ConflictingMessage', from, [
      'advertiseKeys',
    ]);
    // Other bytes that it did not sign prove nothing against it.
    expectRefused(scene, 'advertiseKeys', { ...message, maskKey: key }, 'ConflictingMessage');
    expectRefused({ ...scene, from: 9999 }, 'advertiseKeys', message, 'UnknownSetup', null);
    expectCommits(league);
  });

  it('after its stage is refused, and as an exact duplicate answered with what the stage now asks', () => {
    const scene = sceneOf('shareKeys');
    const { league, from } = scene;
    const mine = (league.nodes.get(from)!.state as Extract<ClientState, { phase: 'shared' }>).accepted.open!
      .replies[0] as {
      message: MessageOf<'advertiseKeys'>;
    };
    league.toNodes = [];
    tell(league, from, 'advertiseKeys', mine.message);
    expect(league.toNodes.map(({ to, name }) => [to, name])).toEqual([[from, 'cohort']]);
    league.toNodes = [];
    expectCommits(league);
  });
});

describe('M2', () => {
  const signed = ({ message, identity }: Scene<'shareKeys'>, change: Partial<MessageOf<'shareKeys'>>) => {
    const altered = { ...message, ...change };
    return { ...altered, signature: identity.sign('m2', shareKeysBytes(altered)) };
  };
  it.each<[string, ErrorCode, (scene: Scene<'shareKeys'>) => MessageOf<'shareKeys'>]>([
    ['for another cohort', 'CohortMismatch', (scene) => signed(scene, { cohortHash: new Uint8Array(32) })],
    ['not signed', 'BadSignature', ({ message }) => ({ ...message, boxes: message.boxes.slice(1) })],
    ['that leaves a holder out', 'InvalidMessage', (scene) => signed(scene, { boxes: scene.message.boxes.slice(1) })],
    [
      'that deals to a holder twice',
      'InvalidMessage',
      (scene) => signed(scene, { boxes: [scene.message.boxes[0]!, ...scene.message.boxes.slice(0, 3)] }),
    ],
    [
      'without a commitment for a holder',
      'InvalidMessage',
      (scene) => signed(scene, { commitments: scene.message.commitments.slice(0, 4) }),
    ],
  ])('%s is refused: %s', (_, code, tamper) => {
    const scene = sceneOf('shareKeys');
    expectRefused(scene, 'shareKeys', tamper(scene), code);
    expectCommits(scene.league);
  });

  it('whose boxes do not open leaves its dealer out of U2, and the others go on', () => {
    const scene = sceneOf('shareKeys');
    const { league, from } = scene;
    const boxes = scene.message.boxes.map((box) => ({ ...box, ciphertext: new Uint8Array(81) }));
    league.toServer = league.toServer.filter((entry) => entry.from !== from);
    tell(league, from, 'shareKeys', signed(scene, { boxes }));
    expectCommits(league);
    expect(league.effects).toContainEqual({ type: 'droppedOut', index: from, stage: 'acknowledgeShares' });
    expect(league.plan!.survivors).toEqual([0, 1, 2, 3].map((node) => ReducerLeague.indexOf(node)));
  });

  it('that deals an inconsistent polynomial names its dealer when the secret cannot be rebuilt', () => {
    const scene = sceneOf('shareKeys');
    const { league, from, message } = scene;
    // Every share is as committed, but they are the shares of another secret than the one advertised.
    const state = league.nodes.get(from)!.state as Extract<ClientState, { phase: 'shared' }>;
    const wrong = splitSecret(new SecretBytes(seededRandom('wrong').bytes(32)), 4, 5, seededRandom('split'));
    const own = wrong[4]!.bytes;
    const commitments = message.commitments.map((entry, at) => ({
      ...entry,
      selfHash: shareHash(message.sid, from, entry.holder, 'self', wrong[at]!.bytes.expose()),
    }));
    league.nodes.get(from)!.state = { ...state, own: { self: own } };
    const held = new Map(wrong.map(({ bytes }, at) => [ReducerLeague.indexOf(at), bytes]));
    league.toServer = league.toServer.filter((entry) => entry.from !== from);
    tell(league, from, 'shareKeys', signed(scene, { commitments }));
    // The holders would not acknowledge boxes that miss their commitments: let them hold the wrong shares as if the boxes had held them.
    league.exchange();
    for (const { to, name, wire } of league.toNodes.splice(0)) {
      const sealed = decodeMessage('encryptedShares', JSON.parse(wire));
      const node = league.nodes.get(to)!;
      league.deliver(node, name, sealed);
      const acknowledged = node.state as Extract<ClientState, { phase: 'acknowledged' }>;
      const sent = decodeMessage('acknowledgeShares', JSON.parse(league.toServer.pop()!.wire));
      const whole = { ...sent, accepted: Uint8Array.of(0x1f) };
      const mask = acknowledged.held.get(from)?.mask ?? new SecretBytes(new Uint8Array(32));
      node.state = {
        ...acknowledged,
        held: new Map([...acknowledged.held, [from, { self: held.get(to)!, mask }]]),
      };
      const signature = node.identity.sign('ack', acknowledgeSharesBytes(whole));
      league.toServer.push({
        from: to,
        name: 'acknowledgeShares',
        wire: JSON.stringify(encodeMessage('acknowledgeShares', { ...whole, signature })),
      });
    }
    league.run();
    expect(league.server).toMatchObject({ phase: 'abandoned', code: 'WrongDealer' });
    expect(league.server).toMatchObject({ reason: expect.stringContaining(`member ${from}`) });
    expect(league.plan).toBeUndefined();
  });
});

describe('ACK', () => {
  const signed = (
    { message, identity }: Scene<'acknowledgeShares'>,
    change: Partial<MessageOf<'acknowledgeShares'>>,
  ) => {
    const altered = { ...message, ...change };
    return { ...altered, signature: identity.sign('ack', acknowledgeSharesBytes(altered)) };
  };
  it.each<[string, ErrorCode, (scene: Scene<'acknowledgeShares'>) => MessageOf<'acknowledgeShares'>]>([
    ['of another cohort', 'CohortMismatch', (scene) => signed(scene, { cohortHash: new Uint8Array(32) })],
    ['without itself', 'InvalidMessage', (scene) => signed(scene, { accepted: Uint8Array.of(0x0f) })],
    ['beyond the cohort', 'InvalidMessage', (scene) => signed(scene, { accepted: Uint8Array.of(0x3f) })],
    ['not signed', 'BadSignature', ({ message }) => ({ ...message, accepted: Uint8Array.of(0x1e) })],
  ])('%s is refused: %s', (_, code, tamper) => {
    const scene = sceneOf('acknowledgeShares');
    expectRefused(scene, 'acknowledgeShares', tamper(scene), code);
    expectCommits(scene.league);
  });

  it('of shares that nobody dealt is refused', () => {
    const league = new ReducerLeague({ size: 6, seed: 'undealt' });
    league.fates.set(ReducerLeague.indexOf(0), 'shareKeys');
    league.open();
    league.exchange();
    league.exchange();
    for (const { to, name, wire } of league.toNodes.splice(0))
      league.deliver(league.nodes.get(to)!, name, decodeMessage(name, JSON.parse(wire)));
    const found = league.toServer.at(-1)!;
    const message = decodeMessage('acknowledgeShares', JSON.parse(found.wire));
    const scene = { league, from: found.from, message, identity: league.nodes.get(found.from)!.identity };
    expectRefused(scene, 'acknowledgeShares', signed(scene, { accepted: Uint8Array.of(0x3f) }), 'InvalidMessage');
    expectCommits(league);
  });
});

describe('M3', () => {
  const signed = (
    { message, identity }: Scene<'maskedInputHeader'>,
    change: Partial<MessageOf<'maskedInputHeader'>>,
  ) => {
    const altered = { ...message, ...change };
    return { ...altered, signature: identity.sign('m3', maskedInputHeaderBytes(altered)) };
  };
  it.each<[string, ErrorCode, (scene: Scene<'maskedInputHeader'>) => MessageOf<'maskedInputHeader'>]>([
    ['of another round', 'WrongRound', (scene) => signed(scene, { roundHash: new Uint8Array(32) })],
    ['for a longer vector', 'WrongLength', (scene) => signed(scene, { byteLength: scene.message.byteLength + 4 })],
    ['that leaves an edge out', 'AsymmetricEdges', (scene) => signed(scene, { edges: Uint8Array.of(0x0e) })],
    ['with an edge to itself', 'AsymmetricEdges', (scene) => signed(scene, { edges: Uint8Array.of(0x1f) })],
    ['not signed', 'BadSignature', ({ message }) => ({ ...message, vectorHash: new Uint8Array(32) })],
  ])('%s is refused: %s', (_, code, tamper) => {
    const scene = sceneOf('maskedInputHeader');
    expectRefused(scene, 'maskedInputHeader', tamper(scene), code);
    expectCommits(scene.league);
  });

  it('a second header is refused, the same one again takes the vector again, and never asks for the header again', () => {
    const scene = sceneOf('maskedInputHeader');
    const { league, from, message } = scene;
    tell(league, from, 'maskedInputHeader', message);
    const second = signed(scene, { vectorHash: new Uint8Array(32) });
    expectRefused(scene, 'maskedInputHeader', second, 'ConflictingMessage', from, ['maskedInputHeader']);
    const sent = league.toNodes.length;
    tell(league, from, 'maskedInputHeader', message);
    expect(league.toNodes).toHaveLength(sent);
    expect(league.effects.at(-1)).toMatchObject({ type: 'expectVector', index: from });
    expectCommits(league);
  });

  it('a vector without header, of another length or another hash is refused', () => {
    const scene = sceneOf('maskedInputHeader');
    const { league, from, message } = scene;
    const { byteLength, vectorHash } = message;
    const commit = (change: object) =>
      league.tellServer({ type: 'vectorCommitted', index: from, byteLength, vectorHash, ...change });
    expect(() => commit({})).toThrow(expect.objectContaining({ code: 'UnexpectedMessage' }));
    tell(league, from, 'maskedInputHeader', message);
    expect(() => commit({ byteLength: 8 })).toThrow(expect.objectContaining({ code: 'WrongLength' }));
    expect(() => commit({ vectorHash: new Uint8Array(32) })).toThrow(expect.objectContaining({ code: 'WrongHash' }));
    expectCommits(league);
  });

  it('a vector that comes after U3 is drawn up is refused', () => {
    const league = new ReducerLeague({ size: 5, seed: 'late vector' });
    const late = ReducerLeague.indexOf(3);
    league.fates.set(late, 'vector');
    league.open();
    while (league.server.phase !== 'signSurvivors')
      league.server.phase === 'ready' ? league.startRound() : league.exchange();
    expect(() =>
      league.tellServer({ type: 'vectorCommitted', index: late, byteLength: 156, vectorHash: new Uint8Array(32) }),
    ).toThrow(expect.objectContaining({ code: 'UnexpectedMessage' }));
    league.run();
    expect(league.server.phase).toBe('committed');
  });
});

describe('M4', () => {
  it('a signature on another U3 or another R is refused', () => {
    const scene = sceneOf('signSurvivors');
    const { message, identity } = scene;
    const forged = identity.sign('m4', survivorsBytes(message.roundHash, Uint8Array.of(0x0f)));
    expectRefused(scene, 'signSurvivors', { ...message, signature: forged }, 'BadSignature');
    expectRefused(scene, 'signSurvivors', { ...message, roundHash: new Uint8Array(32) }, 'WrongRound');
    const stranger = new IdentityKey(newIdentitySeed(seededRandom('stranger')));
    const theirs = stranger.sign('m4', survivorsBytes(message.roundHash, Uint8Array.of(0x1f)));
    expectRefused(scene, 'signSurvivors', { ...message, signature: theirs }, 'BadSignature');
    expectCommits(scene.league);
  });
});

describe('M5', () => {
  const signed = ({ message, identity }: Scene<'revealShares'>, change: Partial<MessageOf<'revealShares'>>) => {
    const altered = { ...message, ...change };
    return { ...altered, signature: identity.sign('m5', revealSharesBytes(altered)) };
  };
  type Shares = MessageOf<'revealShares'>['shares'];
  it.each<[string, (shares: Shares) => Shares]>([
    [
      'an altered share',
      ([first, ...rest]) => [{ ...first!, share: first!.share.with(3, first!.share[3]! ^ 1) }, ...rest],
    ],
    ["another dealer's share", ([first, ...rest]) => [{ ...first!, share: rest[0]!.share }, ...rest]],
    ['a share of the other kind', ([first, ...rest]) => [{ ...first!, kind: 'mask' }, ...rest]],
    ['both kinds', ([first, ...rest]) => [first!, { ...first!, kind: 'mask' }, ...rest]],
    ['a share missing', (shares) => shares.slice(1)],
    ['a share of a stranger', (shares) => [...shares, { ...shares[0]!, dealer: 9999 }]],
    ['a share twice', ([first, ...rest]) => [first!, first!, ...rest]],
  ])('with %s is refused, and the holder named: WrongShare', (_, tamper) => {
    const scene = sceneOf('revealShares');
    expectRefused(scene, 'revealShares', signed(scene, { shares: tamper(scene.message.shares) }), 'WrongShare');
    expectCommits(scene.league);
  });

  it('is taken when enough others were faster, and changes nothing', () => {
    const scene = sceneOf('revealShares');
    const { league, from, message } = scene;
    for (const entry of league.toServer.splice(0).filter((sent) => sent.from !== from))
      tell(league, entry.from, 'revealShares', decodeMessage('revealShares', JSON.parse(entry.wire)));
    expect(league.server.phase).toBe('unmasking');
    const before = league.server;
    tell(league, from, 'revealShares', message);
    expect(league.server).toBe(before);
  });
});

describe('the coordinator', () => {
  it('tells who rebuilt what', () => {
    const league = new ReducerLeague({ size: 6, seed: 'facts' });
    league.fates.set(ReducerLeague.indexOf(3), 'vector');
    league.open().run();
    expect(league.server.phase).toBe('committed');
    expect(league.effects.find(({ type }) => type === 'unmask')).toMatchObject({
      rebuilt: [{ index: ReducerLeague.indexOf(3), shares: 5, holders: 6, threshold: 5 }],
    });
    expect(league.effects).toContainEqual({
      type: 'droppedOut',
      index: ReducerLeague.indexOf(3),
      stage: 'maskedInput',
    });
    expect(league.effects.at(-1)).toMatchObject({ type: 'committed' });
  });

  it('asks nobody to sign for fewer survivors than the task wants, although their shares would do', () => {
    const league = new ReducerLeague({ size: 6, seed: 'floor', config: { minCohort: 6, minSurvivors: 6 } });
    league.fates.set(ReducerLeague.indexOf(3), 'vector');
    league.open().run();
    expect(league.effects.at(-1)).toMatchObject({ type: 'abandoned', code: 'TooFewSurvivors', retryRound: true });
  });

  it('lets a round be tried again only before anyone was asked to sign', () => {
    for (const [point, retryRound] of [
      ['vector', true],
      ['signSurvivors', false],
    ] as const) {
      const league = new ReducerLeague({ size: 5, seed: point });
      league.fates.set(ReducerLeague.indexOf(0), point).set(ReducerLeague.indexOf(1), point);
      league.open().run();
      expect(league.effects.at(-1)).toMatchObject({ type: 'abandoned', retryRound });
    }
  });

  it('sends a member that reconnects what it has not answered, at every stage, and the round goes on', () => {
    const league = new ReducerLeague({ size: 5, seed: 'reconnect' }).open();
    const index = ReducerLeague.indexOf(2);
    const stages = new Set<string>();
    while (league.server.phase !== 'committed') {
      if (league.server.phase === 'ready') league.startRound();
      else if (league.server.phase === 'unmasking') league.finish();
      // The first copy is lost; the member is back before anyone's time is up.
      const lost = league.toNodes.filter(({ to, name }) => to === index && name !== 'result');
      league.toNodes = league.toNodes.filter((entry) => !lost.includes(entry));
      league.tellServer({ type: 'resumed', index });
      if (lost.length > 0) {
        expect(league.toNodes.filter(({ to }) => to === index)).toEqual(lost);
        stages.add(league.server.phase);
      }
      league.exchange();
    }
    expect([...stages]).toEqual([
      'advertiseKeys',
      'shareKeys',
      'acknowledgeShares',
      'maskedInput',
      'signSurvivors',
      'revealShares',
    ]);
    expect(league.plan!.survivors).toHaveLength(5);
  });

  it('abandons as soon as too many are given up, while the others still work', () => {
    const league = new ReducerLeague({ size: 6, seed: 'hopeless' }).open();
    while (league.server.phase !== 'maskedInput')
      league.server.phase === 'ready' ? league.startRound() : league.exchange();
    league.kill(ReducerLeague.indexOf(0), true);
    expect(league.server.phase).toBe('maskedInput');
    league.kill(ReducerLeague.indexOf(1), true);
    expect(league.server).toMatchObject({ phase: 'abandoned', code: 'TooFewSurvivors' });
    expect(league.effects.at(-1)).toMatchObject({ type: 'abandoned', retryRound: true });
    expect(league.effects.filter(({ type }) => type === 'droppedOut')).toHaveLength(2);
  });

  it('tells a member that was away how it ended', () => {
    const league = new ReducerLeague({ size: 5, seed: 'away' }).open().run();
    league.effects = [];
    league.tellServer({ type: 'resumed', index: ReducerLeague.indexOf(1) });
    expect(league.effects).toMatchObject([{ type: 'send', to: ReducerLeague.indexOf(1), name: 'result' }]);
    const lost = new ReducerLeague({ size: 5, seed: 'away' }).open();
    lost.tellServer({ type: 'abort', code: 'TaskAborted', reason: 'test' });
    lost.effects = [];
    lost.tellServer({ type: 'resumed', index: ReducerLeague.indexOf(1) });
    expect(lost.effects).toMatchObject([{ type: 'send', name: 'abandoned', message: { code: 'TaskAborted' } }]);
  });

  it('abandons by name when it is told to, tells the members, and answers nothing after', () => {
    const scene = sceneOf('maskedInputHeader');
    const { league, message } = scene;
    league.tellServer({ type: 'abort', code: 'TaskAborted', reason: 'The admin ended the task.' });
    expect(league.server).toMatchObject({ phase: 'abandoned', code: 'TaskAborted' });
    league.toServer = [];
    league.exchange();
    for (const node of league.nodes.values()) expect(node.outcome).toMatchObject({ code: 'TaskAborted' });
    expectRefused(scene, 'maskedInputHeader', message, 'UnknownSetup', null);
  });
});
