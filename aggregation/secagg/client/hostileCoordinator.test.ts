import { agreementKeyPair, SecretBytes, type SignatureLabel } from '@hansa/shared/crypto';
import type { ErrorCode } from '@hansa/shared/errors';
import {
  advertiseKeysBytes,
  type Cohort,
  type CohortMember,
  cohortBytes,
  cohortHash,
  decodeMessage,
  type EncryptedShares,
  type Evidence,
  isEvidence,
  type MessageOf,
  type Open,
  openBytes,
  type Quorum,
  type Result,
  resultBytes,
  roundHash,
  type SetupMessageName,
  type StartRound,
  type Survivors,
  survivorsBytes,
} from '@hansa/shared/protocol/secagg';
import { seededRandom } from '@hansa/shared/random';
import { describe, expect, it } from 'vitest';
import { closeBox, openBox } from '../boxes.ts';
import { bitsOf, type CohortView } from '../cohortView.ts';
import { type LeagueOptions, ReducerLeague } from '../testing/reducerLeague.ts';
import { leagueModelHash, leagueNowMs, withScales } from '../testing/setting.ts';
import type { SimulatedNode } from '../testing/simulatedNode.ts';
import { step } from './step.ts';
import type { ClientEvent, ClientState } from './types.ts';
import { waiting } from './waiting.ts';

type Name = SetupMessageName;

interface Scene<Of extends Name> {
  readonly league: ReducerLeague;
  readonly node: SimulatedNode;
  readonly message: MessageOf<Of>;
}

/** A league that has come to where the coordinator's message `name` is about to reach the first node; `prepare` sees it before it opens. */
function sceneOf<Of extends Name>(
  name: Of,
  options: Partial<LeagueOptions> = {},
  prepare: (league: ReducerLeague) => void = () => {},
): Scene<Of> {
  const league = new ReducerLeague({ size: 5, seed: name, ...options });
  prepare(league);
  league.open();
  return advanceTo(league, name);
}

function advanceTo<Of extends Name>(league: ReducerLeague, name: Of): Scene<Of> {
  const node = league.nodes.get(ReducerLeague.indexOf(0))!;
  for (let exchanges = 0; exchanges < 12; exchanges++) {
    const found = league.toNodes.find((entry) => entry.name === name && entry.to === node.index);
    if (found !== undefined) return { league, node, message: decodeMessage(name, JSON.parse(found.wire)) };
    if (league.server.phase === 'ready') league.startRound();
    else if (league.server.phase === 'unmasking') league.finish();
    else league.exchange();
  }
  throw new Error(`no "${name}" came`);
}

/** The message is refused by name and nothing has changed: the set-up goes on to its exact sum. */
function expectRefused<Of extends Name>(
  scene: Scene<Of>,
  message: MessageOf<Of>,
  code: ErrorCode,
  name: Of,
  kept: readonly Partial<Evidence>[] = [],
): void {
  const { league, node } = scene;
  const before = node.state;
  const answers = league.toServer.length;
  const records = node.records.length;
  const evidence = node.evidence.length;
  expect(() => league.deliver(node, name, message)).toThrow(expect.objectContaining({ code }));
  expect(node.state).toBe(before);
  expect(league.toServer).toHaveLength(answers);
  expect(node.records).toHaveLength(records);
  expect(node.evidence.slice(evidence)).toMatchObject(kept);
  expect(node.evidence.every(isEvidence)).toBe(true);
}

const coordinatorSigns = (league: ReducerLeague, label: SignatureLabel, bytes: Uint8Array): Uint8Array =>
  league.coordinator.sign(label, bytes);

/** Every secret that a value holds, wherever: found without the code under test, which has a list of its own. */
function secretsIn(value: unknown): readonly SecretBytes[] {
  if (value instanceof SecretBytes) return [value];
  if (value instanceof Map) return [...value.values()].flatMap(secretsIn);
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return [];
  return Object.values(value).flatMap(secretsIn);
}

const cohortOf = (node: SimulatedNode): CohortView => (node.state as Extract<ClientState, { cohort: unknown }>).cohort;

describe('OPEN', () => {
  const signed = ({ league, message }: Scene<'open'>, change: Partial<Open>): Open => {
    const open = { ...message, ...change };
    return { ...open, signature: coordinatorSigns(league, 'open', openBytes(open)) };
  };
  const cases: readonly [string, ErrorCode, (scene: Scene<'open'>) => Open][] = [
    [
      'another coordinator key',
      'WrongCoordinatorKey',
      (scene) => signed(scene, { coordinatorKey: scene.node.identity.publicKey }),
    ],
    ['no valid signature', 'BadSignature', ({ message }) => ({ ...message, notAfterMs: message.notAfterMs - 1 })],
    [
      'a signature under another label',
      'BadSignature',
      ({ league, message }) => ({ ...message, signature: coordinatorSigns(league, 'roster', openBytes(message)) }),
    ],
    ['another federation', 'PolicyRefused', (scene) => signed(scene, { federation: scene.message.task })],
    ['another roster', 'RosterMismatch', (scene) => signed(scene, { rosterHash: new Uint8Array(32) })],
    ['a group', 'PolicyRefused', (scene) => signed(scene, { group: 1 })],
    ['a group seed', 'PolicyRefused', (scene) => signed(scene, { groupSeedHash: new Uint8Array(32).fill(1) })],
    ['a time that has passed', 'Timeout', (scene) => signed(scene, { notAfterMs: leagueNowMs })],
    ['a time too far off', 'PolicyRefused', (scene) => signed(scene, { notAfterMs: leagueNowMs + 86_400_001 })],
    [
      'a scale one power too large',
      'InvalidTask',
      (scene) => signed(scene, { config: withScales(scene.message.config, (scaleLog2) => scaleLog2 + 1) }),
    ],
    [
      'cohorts smaller than the node joins',
      'PolicyRefused',
      (scene) => signed(scene, { config: { ...scene.message.config, minCohort: 3 } }),
    ],
  ];
  it.each(cases)('with %s is refused: %s', (_, code, tamper) => {
    const scene = sceneOf('open');
    expectRefused(scene, tamper(scene), code, 'open');
    scene.league.run();
    expect(scene.league.server.phase).toBe('committed');
  });

  it('with a number that was used, or another configuration for a known task, is refused', () => {
    const first = sceneOf('open');
    first.league.run();
    const second = { ...first, node: first.node };
    second.node.state = waiting;
    expectRefused(second, signed(second, {}), 'SequenceReplayed', 'open');
    const late = signed(second, { notAfterMs: first.message.notAfterMs - 1 });
    expectRefused(second, late, 'SequenceReplayed', 'open', [
      { kind: 'open', signer: first.league.coordinator.publicKey },
    ]);
    expectRefused(second, signed(second, { seq: 0 }), 'SequenceReplayed', 'open');
    const config = { ...first.message.config, minSurvivors: 3 };
    expectRefused(second, signed(second, { seq: 2, config }), 'PolicyRefused', 'open');
  });

  it('is journalled before the keys leave, and answered with the same bytes again', () => {
    const { node, message } = sceneOf('open');
    const event: ClientEvent = { type: 'message', name: 'open', message, nowMs: leagueNowMs };
    const first = step(waiting, event, node.reducerPorts);
    expect(first.effects.map(({ type }) => type)).toEqual(['journal', 'send']);
    const again = step(first.state, event, node.reducerPorts);
    expect(again.effects).toEqual(first.effects.slice(1));
    expect(again.state).toBe(first.state);
  });
});

describe('the cohort', () => {
  const signed = ({ league, message }: Scene<'cohort'>, members: readonly CohortMember[]): Cohort => {
    const unsigned = { sid: message.sid, members: [...members] };
    const signature = coordinatorSigns(league, 'l1', cohortBytes(message.sid, cohortHash(unsigned)));
    return { ...unsigned, signature };
  };
  /** What a member in league with the coordinator would have advertised. */
  const colluding = ({ league, message }: Scene<'cohort'>, at: number, change: Partial<CohortMember>): CohortMember[] =>
    message.members.map((member, place) => {
      if (place !== at) return member;
      const altered = { ...member, ...change };
      const bytes = advertiseKeysBytes({ sid: message.sid, ...altered });
      return { ...altered, signature: league.nodes.get(member.index)!.identity.sign('m1', bytes) };
    });
  const cases: readonly [string, ErrorCode, (scene: Scene<'cohort'>) => Cohort][] = [
    ['not signed', 'BadSignature', ({ message }) => ({ ...message, members: message.members.slice(0, 4) })],
    ['without this node', 'CohortMismatch', (scene) => signed(scene, scene.message.members.slice(1))],
    [
      'with altered keys of this node',
      'CohortMismatch',
      (scene) => signed(scene, colluding(scene, 0, { maskKey: agreementKeyPair(seededRandom('x')).publicKey })),
    ],
    ['out of order', 'CohortMismatch', (scene) => signed(scene, [...scene.message.members].reverse())],
    [
      'with a member twice',
      'CohortMismatch',
      (scene) => signed(scene, [scene.message.members[0]!, ...scene.message.members]),
    ],
    [
      'with a stranger',
      'CohortMismatch',
      (scene) => signed(scene, [...scene.message.members, { ...scene.message.members[4]!, index: 9999 }]),
    ],
    [
      'with keys that their owner did not sign',
      'BadSignature',
      (scene) =>
        signed(scene, [
          ...scene.message.members.slice(0, 4),
          { ...scene.message.members[4]!, selfCommitment: new Uint8Array(32) },
        ]),
    ],
    [
      'with a low-order key',
      'InvalidKey',
      (scene) => signed(scene, colluding(scene, 2, { maskKey: new Uint8Array(32) })),
    ],
    [
      'with a low-order key to seal to',
      'InvalidKey',
      (scene) => signed(scene, colluding(scene, 2, { cipherKey: Uint8Array.of(1, ...new Uint8Array(31)) })),
    ],
    [
      'with a key that another has',
      'InvalidKey',
      (scene) => signed(scene, colluding(scene, 3, { maskKey: scene.message.members[0]!.maskKey })),
    ],
    [
      'with a commitment that another has',
      'InvalidKey',
      (scene) => signed(scene, colluding(scene, 3, { selfCommitment: scene.message.members[0]!.selfCommitment })),
    ],
    ['too small', 'CohortTooSmall', (scene) => signed(scene, scene.message.members.slice(0, 3))],
    ['of another set-up', 'UnknownSetup', ({ message }) => ({ ...message, sid: new Uint8Array(32) })],
  ];
  it.each(cases)('%s is refused: %s', (_, code, tamper) => {
    const scene = sceneOf('cohort');
    expectRefused(scene, tamper(scene), code, 'cohort');
    scene.league.run();
    expect(scene.league.server.phase).toBe('committed');
  });

  it('with too few known peers is refused', () => {
    const scene = sceneOf('cohort', { policy: { knownFloor: 6 } });
    expectRefused(scene, scene.message, 'UnknownPeers', 'cohort');
  });

  it('larger than the sum was proved for is refused', () => {
    const league = new ReducerLeague({ size: 6, seed: 'larger', config: { maxCohort: 5 } });
    league.open([...league.nodes.keys()].slice(0, 5));
    const scene = advanceTo(league, 'cohort');
    const sixth = league.nodes.get(ReducerLeague.indexOf(5))!;
    const random = seededRandom('sixth');
    const keys = {
      sid: scene.message.sid,
      index: sixth.index,
      cipherKey: agreementKeyPair(random).publicKey,
      maskKey: agreementKeyPair(random).publicKey,
      selfCommitment: random.bytes(32),
    };
    const { sid: _, ...member } = { ...keys, signature: sixth.identity.sign('m1', advertiseKeysBytes(keys)) };
    expectRefused(scene, signed(scene, [...scene.message.members, member]), 'PolicyRefused', 'cohort');
  });

  it('shown twice in different versions is refused', () => {
    const scene = sceneOf('cohort');
    scene.league.deliver(scene.node, 'cohort', scene.message);
    const fewer = scene.message.members.slice(0, 4);
    const kept = [{ kind: 'cohort' as const, signer: scene.league.coordinator.publicKey }];
    expectRefused(scene, signed(scene, fewer), 'ConflictingMessage', 'cohort', kept);
    expectRefused(scene, { ...scene.message, members: fewer }, 'ConflictingMessage', 'cohort');
    const otherKeys = signed(scene, colluding(scene, 2, { maskKey: agreementKeyPair(seededRandom('x')).publicKey }));
    const member = scene.message.members[2]!.index;
    expectRefused(scene, otherKeys, 'ConflictingMessage', 'cohort', [...kept, { kind: 'advertiseKeys', member }]);
  });
});

describe('the sealed shares', () => {
  const refused: readonly [string, ErrorCode, (message: EncryptedShares) => EncryptedShares][] = [
    ['out of order', 'InvalidMessage', (message) => ({ ...message, dealers: [...message.dealers].reverse() })],
    [
      'of a dealer twice',
      'InvalidMessage',
      (message) => ({ ...message, dealers: [message.dealers[0]!, ...message.dealers] }),
    ],
    [
      'of this node itself',
      'InvalidMessage',
      (message) => ({
        ...message,
        dealers: [{ ...message.dealers[0]!, index: ReducerLeague.indexOf(0) }, ...message.dealers],
      }),
    ],
    [
      'of a stranger',
      'InvalidMessage',
      (message) => ({ ...message, dealers: [...message.dealers, { ...message.dealers[0]!, index: 9999 }] }),
    ],
    [
      'for a cohort that nobody signed',
      'CohortMismatch',
      (message) => ({
        ...message,
        dealers: [{ ...message.dealers[0]!, cohortHash: new Uint8Array(32) }, ...message.dealers.slice(1)],
      }),
    ],
  ];
  it.each(refused)('%s are refused: %s', (_, code, tamper) => {
    const scene = sceneOf('encryptedShares');
    expectRefused(scene, tamper(scene.message), code, 'encryptedShares');
    scene.league.run();
    expect(scene.league.server.phase).toBe('committed');
  });

  it('for another cohort that the coordinator signed end the set-up, and every secret is wiped', () => {
    const { league, node, message } = sceneOf('encryptedShares');
    const other = new Uint8Array(32).fill(9);
    const secrets = secretsIn(node.state);
    const signature = league.coordinator.sign('l1', cohortBytes(message.sid, other));
    const dealers = [
      { ...message.dealers[0]!, cohortHash: other, cohortSignature: signature },
      ...message.dealers.slice(1),
    ];
    league.deliver(node, 'encryptedShares', { ...message, dealers });
    expect(node.outcome).toMatchObject({ type: 'abandoned', code: 'EquivocatedCohort' });
    expect(node.evidence).toMatchObject([{ kind: 'cohort', signer: league.coordinator.publicKey }]);
    expect(node.evidence.every(isEvidence)).toBe(true);
    expect(secrets.every(({ wiped }) => wiped)).toBe(true);
  });

  type Box = EncryptedShares['dealers'][number];
  const spoiled: readonly [string, (boxes: readonly Box[], scene: Scene<'encryptedShares'>) => Box][] = [
    ['an altered box', ([box]) => ({ ...box!, ciphertext: box!.ciphertext.with(40, box!.ciphertext[40]! ^ 1) })],
    ["another dealer's box", ([box, other]) => ({ ...other!, index: box!.index })],
    ['swapped commitments', ([box]) => ({ ...box!, selfHash: box!.maskHash, maskHash: box!.selfHash })],
    ["a commitment to another's share of s", ([box, other]) => ({ ...box!, maskHash: other!.maskHash })],
    ["a commitment to another's share of b", ([box, other]) => ({ ...box!, selfHash: other!.selfHash })],
    [
      'the right shares at another place',
      ([box], { node, message }) => {
        const { secrets, cohort } = node.state as Extract<ClientState, { phase: 'shared' }>;
        const place = { sid: message.sid, cohortHash: cohort.hash, dealer: box!.index, holder: node.index };
        const keys = { own: secrets.cipherKey, other: cohort.members.get(box!.index)!.cipherKey };
        const content = openBox(place, keys, box!)!;
        return { ...box!, ...closeBox(place, keys, { ...content, x: content.x + 1 }, seededRandom('place')) };
      },
    ],
    [
      'the box that this node sealed for it, reflected',
      ([box], { league, node }) => {
        const own = (league.server as Extract<typeof league.server, { shareKeys: unknown }>).shareKeys.get(node.index)!;
        const { nonce, ciphertext } = own.boxes.find(({ holder }) => holder === box!.index)!;
        return { ...box!, nonce, ciphertext };
      },
    ],
    [
      'the box that was meant for another holder',
      ([box], { league }) => {
        const server = league.server as Extract<typeof league.server, { shareKeys: unknown }>;
        const { nonce, ciphertext } = server.shareKeys
          .get(box!.index)!
          .boxes.find(({ holder }) => holder === ReducerLeague.indexOf(3))!;
        return { ...box!, nonce, ciphertext };
      },
    ],
  ];
  it.each(spoiled)('with %s leave that dealer out of what is acknowledged, and nobody else', (_, spoil) => {
    const scene = sceneOf('encryptedShares');
    const { league, node, message } = scene;
    const [first, ...rest] = message.dealers;
    league.deliver(node, 'encryptedShares', { ...message, dealers: [spoil(message.dealers, scene), ...rest] });
    const state = node.state as Extract<ClientState, { phase: 'acknowledged' }>;
    expect([...state.held.keys()].sort((left, right) => left - right)).toEqual([
      node.index,
      ...rest.map(({ index }) => index),
    ]);
    expect(state.held.has(first!.index)).toBe(false);
  });
});

describe('M3', () => {
  const signed = (scene: Scene<'startRound'>, change: Partial<StartRound>): StartRound => {
    const message = { ...scene.message, ...change };
    const state = scene.node.state as Extract<ClientState, { cohort: unknown; setup: unknown }>;
    const hash = roundHash({ ...message, cohortHash: state.cohort.hash, configHash: state.setup.configHash });
    return { ...message, signature: coordinatorSigns(scene.league, 'round', hash) };
  };
  const others = [1, 2, 3, 4].map((node) => ReducerLeague.indexOf(node));
  const cases: readonly [string, ErrorCode, (scene: Scene<'startRound'>) => StartRound][] = [
    ['not signed', 'BadSignature', ({ message }) => ({ ...message, modelHash: new Uint8Array(32) })],
    [
      'with a control variate of its own',
      'BadSignature',
      ({ message }) => ({ ...message, controlHash: new Uint8Array(32).fill(1) }),
    ],
    [
      'with a U2 lacking this node',
      'U2NotSubset',
      (scene) => signed(scene, { sharers: bitsOf(cohortOf(scene.node), others) }),
    ],
    ['with a U2 beyond the cohort', 'U2NotSubset', (scene) => signed(scene, { sharers: Uint8Array.of(0xff) })],
    ['with a U2 of another length', 'U2NotSubset', (scene) => signed(scene, { sharers: Uint8Array.of(0x1f, 0) })],
    [
      'with too small a U2',
      'TooFewSurvivors',
      (scene) => signed(scene, { sharers: bitsOf(cohortOf(scene.node), [7, 10, 13]) }),
    ],
  ];
  it.each(cases)('%s is refused: %s', (_, code, tamper) => {
    const scene = sceneOf('startRound');
    expectRefused(scene, tamper(scene), code, 'startRound');
    scene.league.run();
    expect(scene.league.server.phase).toBe('committed');
  });

  it('a second time for one set-up is refused; exactly the same one is answered with the same header', () => {
    const scene = sceneOf('startRound');
    const { league, node, message } = scene;
    league.deliver(node, 'startRound', message);
    const header = league.toServer[0]!.wire;
    const vector = node.vector;
    for (const change of [{ modelHash: leagueModelHash(77) }, { controlHash: leagueModelHash(77) }])
      expectRefused(scene, signed(scene, change), 'SetupSpent', 'startRound', [{ kind: 'startRound' }]);
    league.toServer = [];
    league.deliver(node, 'startRound', message);
    expect(league.toServer[0]!.wire).toBe(header);
    expect(node.vector).toBe(vector);
  });

  it('for a round that is past, or whose sum this node has signed, is refused', () => {
    const league = new ReducerLeague({ size: 5, seed: 'past' });
    league.round = 3;
    league.open().run();
    for (const [round, code] of [
      [2, 'WrongRound'],
      [3, 'RoundAlreadySigned'],
    ] as const) {
      league.round = round;
      league.open();
      const scene = advanceTo(league, 'startRound');
      expectRefused(scene, scene.message, code, 'startRound');
    }
  });

  it('after which other bytes were trained from gives no vector', () => {
    const { node, message } = sceneOf('startRound');
    const event: ClientEvent = { type: 'message', name: 'startRound', message, nowMs: leagueNowMs };
    const training = step(node.state, event, node.reducerPorts);
    expect(training.effects.map(({ type }) => type)).toEqual(['journal', 'expandMasks', 'prepareRound']);
    const prepared: ClientEvent = { type: 'prepared', modelHash: leagueModelHash(9), nowMs: leagueNowMs };
    expect(() => step(training.state, prepared, node.reducerPorts)).toThrow(
      expect.objectContaining({ code: 'ModelMismatch' }),
    );
  });
});

describe('M4', () => {
  const signed = (scene: Scene<'survivors'>, survivors: Uint8Array): Survivors => ({
    ...scene.message,
    survivors,
    signature: coordinatorSigns(scene.league, 'u3', survivorsBytes(scene.message.roundHash, survivors)),
  });
  const members = (...nodes: number[]) => nodes.map((node) => ReducerLeague.indexOf(node));

  const cases: readonly [string, ErrorCode, (scene: Scene<'survivors'>) => Survivors][] = [
    ['for another round', 'WrongRound', ({ message }) => ({ ...message, roundHash: new Uint8Array(32) })],
    ['not signed', 'BadSignature', ({ message }) => ({ ...message, survivors: Uint8Array.of(0x0f) })],
    ['without this node', 'U3NotSubset', (scene) => signed(scene, bitsOf(cohortOf(scene.node), members(1, 2, 3, 4)))],
    ['with too few', 'TooFewSurvivors', (scene) => signed(scene, bitsOf(cohortOf(scene.node), members(0, 1, 2)))],
    ['beyond the cohort', 'U3NotSubset', (scene) => signed(scene, Uint8Array.of(0x3f))],
  ];
  it.each(cases)('%s is refused: %s', (_, code, tamper) => {
    const scene = sceneOf('survivors');
    expectRefused(scene, tamper(scene), code, 'survivors');
    scene.league.run();
    expect(scene.league.server.phase).toBe('committed');
  });

  it('whose U3 brings in one who was not in the U2 shown is refused', () => {
    // Five of six dealt; the sixth dropped out before its shares were acknowledged.
    const scene = sceneOf('survivors', { size: 6 }, (league) => {
      league.fates.set(ReducerLeague.indexOf(5), 'acknowledgeShares');
    });
    expectRefused(
      scene,
      signed(scene, bitsOf(cohortOf(scene.node), members(0, 1, 2, 3, 5))),
      'U3NotSubset',
      'survivors',
    );
  });

  it('is on disk before the signature leaves; a second U3 is refused; the same one gets the same bytes', () => {
    const scene = sceneOf('survivors');
    const { league, node, message } = scene;
    const event: ClientEvent = { type: 'message', name: 'survivors', message, nowMs: leagueNowMs };
    const first = step(node.state, event, node.reducerPorts);
    expect(first.effects.map(({ type }) => type)).toEqual(['journal', 'send']);
    league.deliver(node, 'survivors', message);
    expect(node.records.at(-1)).toMatchObject({ type: 'signed', round: 1 });
    const smaller = signed(scene, bitsOf(cohortOf(node), members(0, 1, 2, 3)));
    expectRefused(scene, smaller, 'ConflictingMessage', 'survivors', [{ kind: 'survivors' }]);
    const sent = league.toServer.at(-1);
    league.deliver(node, 'survivors', message);
    expect(league.toServer.at(-1)).toEqual(sent);
  });

  it('too early, or to a process without the state, is refused', () => {
    const scene = sceneOf('survivors');
    const { league, node, message } = scene;
    const restarted = node.fork();
    restarted.state = waiting;
    expectRefused({ ...scene, node: restarted }, message, 'UnknownSetup', 'survivors');
    const early = sceneOf('startRound');
    const forged = { ...message, sid: early.message.sid };
    expectRefused({ ...early, message: forged }, forged, 'UnexpectedMessage', 'survivors');
    expect(league.server.phase).toBe('signSurvivors');
  });

  it('before this node has frozen its vector is refused, however well it is signed', () => {
    const { league, node, message } = sceneOf('startRound');
    const start: ClientEvent = { type: 'message', name: 'startRound', message, nowMs: leagueNowMs };
    const training = step(node.state, start, node.reducerPorts).state as Extract<ClientState, { phase: 'training' }>;
    const prepared: ClientEvent = { type: 'prepared', modelHash: message.modelHash, nowMs: leagueNowMs };
    const masking = step(training, prepared, node.reducerPorts).state;
    const { roundHash: hash, sharersBits: survivors } = training.round;
    const signature = coordinatorSigns(league, 'u3', survivorsBytes(hash, survivors));
    const early: ClientEvent = {
      type: 'message',
      name: 'survivors',
      message: { sid: message.sid, roundHash: hash, survivors, signature },
      nowMs: leagueNowMs,
    };
    for (const state of [training, masking])
      expect(() => step(state, early, node.reducerPorts)).toThrow(
        expect.objectContaining({ code: 'UnexpectedMessage' }),
      );
  });

  it('before the whole vector has left is refused; a vector sent twice is no fault', () => {
    const scene = sceneOf('survivors');
    const { league, node, message } = scene;
    const state = node.state as Extract<ClientState, { phase: 'sent' }>;
    expect(state.phase).toBe('sent');
    node.state = { ...state, phase: 'masked' };
    expectRefused(scene, message, 'UnexpectedMessage', 'survivors');
    node.apply({ type: 'vectorSent' });
    node.apply({ type: 'vectorSent' });
    league.deliver(node, 'survivors', message);
    expect(node.state.phase).toBe('signed');
    node.apply({ type: 'vectorSent' });
    expect(node.state.phase).toBe('signed');
  });

  it('is refused for a round that was signed in another set-up meanwhile', () => {
    const scene = sceneOf('survivors');
    const { federation, task } = scene.league.openFields();
    const sid = new Uint8Array(32);
    scene.node.memory.apply({ type: 'signed', federation, task, round: 1, sid, survivorsHash: sid });
    expectRefused(scene, scene.message, 'RoundAlreadySigned', 'survivors');
  });
});

describe('M5', () => {
  const cases: readonly [string, (scene: Scene<'quorum'>) => Quorum][] = [
    ['one signature too few', ({ message }) => ({ ...message, signatures: message.signatures.slice(0, 3) })],
    [
      'one signer counted twice',
      ({ message }) => ({ ...message, signatures: [...message.signatures.slice(0, 3), message.signatures[0]!] }),
    ],
    [
      'a quorum and one signer twice',
      ({ message }) => ({ ...message, signatures: [...message.signatures, message.signatures[0]!] }),
    ],
    [
      'a signer outside the roster',
      ({ message }) => ({
        ...message,
        signatures: [...message.signatures.slice(0, 3), { ...message.signatures[3]!, index: 9999 }],
      }),
    ],
    [
      'a signature on another U3',
      ({ league, message }) => ({
        ...message,
        signatures: message.signatures.map(({ index }, at) => ({
          index,
          signature: league.nodes
            .get(index)!
            .identity.sign('m4', survivorsBytes(message.roundHash, Uint8Array.of(at === 2 ? 0x0f : 0x1f))),
        })),
      }),
    ],
    [
      'a signature on another R',
      ({ league, message }) => ({
        ...message,
        signatures: message.signatures.map(({ index }) => ({
          index,
          signature: league.nodes
            .get(index)!
            .identity.sign('m4', survivorsBytes(new Uint8Array(32), Uint8Array.of(0x1f))),
        })),
      }),
    ],
    [
      'a signature under another label',
      ({ league, message }) => ({
        ...message,
        signatures: message.signatures.map(({ index }) => ({
          index,
          signature: league.nodes
            .get(index)!
            .identity.sign('m3', survivorsBytes(message.roundHash, Uint8Array.of(0x1f))),
        })),
      }),
    ],
  ];
  it.each(cases)('with %s is refused: NoQuorum', (_, tamper) => {
    const scene = sceneOf('quorum');
    expectRefused(scene, tamper(scene), 'NoQuorum', 'quorum');
    scene.league.run();
    expect(scene.league.server.phase).toBe('committed');
  });

  it('with a signer of U2 that is not in U3 is refused', () => {
    const scene = sceneOf('quorum', { size: 6 }, (league) => league.fates.set(ReducerLeague.indexOf(5), 'vector'));
    const outsider = scene.league.nodes.get(ReducerLeague.indexOf(5))!;
    const state = scene.node.state as Extract<ClientState, { phase: 'signed' }>;
    const signature = outsider.identity.sign('m4', survivorsBytes(scene.message.roundHash, state.survivorsBits));
    const signatures = [...scene.message.signatures, { index: outsider.index, signature }];
    expectRefused(scene, { ...scene.message, signatures }, 'NoQuorum', 'quorum');
  });

  it('gives one kind of share of each dealer, none of one outside U2, and wipes all before it leaves', () => {
    const scene = sceneOf('quorum', { size: 7, config: { deltaPermille: 500, minCohort: 4 } }, (league) => {
      league.fates.set(ReducerLeague.indexOf(6), 'acknowledgeShares');
      league.fates.set(ReducerLeague.indexOf(5), 'vector');
    });
    const { league, node, message } = scene;
    const event: ClientEvent = { type: 'message', name: 'quorum', message, nowMs: leagueNowMs };
    const secrets = secretsIn(node.state);
    const { effects, state } = step(node.state, event, node.reducerPorts);
    expect(effects.map(({ type }) => type)).toEqual(['journal', 'wipe', 'send']);
    expect(effects[1]).toEqual({ type: 'wipe', secrets });
    const answer = effects[2] as { message: MessageOf<'revealShares'> };
    expect(answer.message.shares.map(({ dealer, kind }) => [dealer, kind])).toEqual([
      ...[0, 1, 2, 3, 4].map((at) => [ReducerLeague.indexOf(at), 'self']),
      [ReducerLeague.indexOf(5), 'mask'],
    ]);
    expect(secretsIn(state)).toEqual([]);
    league.deliver(node, 'quorum', message);
    expect(secrets.every(({ wiped }) => wiped)).toBe(true);
    expect(JSON.stringify(node.records)).not.toContain('share');
  });

  it('asked again gets the same bytes; asked otherwise is refused', () => {
    const scene = sceneOf('quorum');
    const { league, node, message } = scene;
    league.deliver(node, 'quorum', message);
    const sent = league.toServer.at(-1);
    league.deliver(node, 'quorum', message);
    expect(league.toServer.at(-1)).toEqual(sent);
    const fewer = { ...message, signatures: message.signatures.slice(0, 4) };
    expectRefused(scene, fewer, 'ConflictingMessage', 'quorum');
  });
});

describe('M6', () => {
  const signed = ({ league, message }: Scene<'result'>, change: Partial<Result>): Result => {
    const result = { ...message, ...change };
    return { ...result, signature: coordinatorSigns(league, 'result', resultBytes(result)) };
  };
  const cases: readonly [string, ErrorCode, (scene: Scene<'result'>) => Result][] = [
    ['not signed', 'BadSignature', ({ message }) => ({ ...message, newModelHash: new Uint8Array(32) })],
    ['of another round', 'WrongRound', (scene) => signed(scene, { roundHash: new Uint8Array(32) })],
    ['of another U3', 'ResultMismatch', (scene) => signed(scene, { survivors: Uint8Array.of(0x0f) })],
    ['with an impossible weight', 'ResultMismatch', (scene) => signed(scene, { weightSum: 21 })],
  ];
  it.each(cases)('%s is refused: %s', (_, code, tamper) => {
    const scene = sceneOf('result');
    expectRefused(scene, tamper(scene), code, 'result');
  });

  it('closes the set-up for one whose vector came too late, and wipes its secrets', () => {
    const league = new ReducerLeague({ size: 6, seed: 'late' });
    const late = league.nodes.get(ReducerLeague.indexOf(4))!;
    league.open();
    while (league.server.phase !== 'maskedInput')
      league.server.phase === 'ready' ? league.startRound() : league.exchange();
    const message = league.toNodes.find(({ to }) => to === late.index)!;
    league.toNodes = league.toNodes.filter(({ to }) => to !== late.index);
    league.deliver(late, 'startRound', decodeMessage('startRound', JSON.parse(message.wire)));
    league.toServer = [];
    const secrets = secretsIn(late.state);
    league.run();
    expect(late.outcome).toMatchObject({ type: 'committed', included: false, survivors: 5 });
    expect(secrets.every(({ wiped }) => wiped)).toBe(true);
  });
});

describe('a set-up', () => {
  it('past its time answers nothing', () => {
    const { league, node, message } = sceneOf('cohort');
    const nowMs = league.openFields().notAfterMs + 1;
    expect(() => node.apply({ type: 'message', name: 'cohort', message, nowMs })).toThrow(
      expect.objectContaining({ code: 'Timeout' }),
    );
  });

  it.each(['cohort', 'encryptedShares', 'startRound', 'survivors', 'quorum'] as const)(
    'that is stopped before "%s" wipes all it holds and refuses what follows',
    (name) => {
      const scene = sceneOf(name as Name);
      const secrets = secretsIn(scene.node.state);
      expect(secrets.length).toBeGreaterThan(2);
      scene.node.apply({ type: 'stop', code: 'Interrupted', reason: 'test' });
      expect(secrets.every(({ wiped }) => wiped)).toBe(true);
      expect(scene.node.outcome).toMatchObject({ type: 'abandoned', code: 'Interrupted' });
      expectRefused(scene, scene.message, 'UnknownSetup', name as Name);
    },
  );
});
