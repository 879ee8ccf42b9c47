import {
  commitSeedBytes,
  type Draw,
  drawBytes,
  isEvidence,
  type MessageOf,
  revealSeedBytes,
  type SeedCommitments,
  seedCommitmentsBytes,
  seedListHash,
} from '@hansa/shared/protocol/secagg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DrawDriver, wipeSecrets } from '../driver/index.ts';
import { ReducerLeague } from '../testing/reducerLeague.ts';
import { leagueNowMs } from '../testing/setting.ts';
import type { SimulatedNode } from '../testing/simulatedNode.ts';
import { type DrawEvent, idleDraw, maxTries, stepDraw } from './client.ts';
import { groupsOf } from './groups.ts';
import { type DrawServerEvent, type DrawServerState, startDraw, stepDrawServer } from './server.ts';

const grouped = { grouped: true, maxCohort: 6, minCohort: 3, knownFloor: 2, vectorLength: 3 } as const;

/** A draw in one process: the members of a league, what waits for each side, and how it ended. */
class DrawScene {
  readonly league: ReducerLeague;
  readonly drivers = new Map<number, DrawDriver>();
  server!: DrawServerState;
  toNodes: { to: number; name: DrawEvent['name']; message: unknown }[] = [];
  toServer: { from: number; name: 'commitSeed' | 'revealSeed'; message: unknown }[] = [];
  ended:
    | { type: 'grouped'; seedHash: Uint8Array; groups: readonly (readonly number[])[] }
    | { type: 'void'; withheld: readonly number[] }
    | undefined;
  seq = 0;

  constructor(size: number, seed: string | number) {
    this.league = new ReducerLeague({ size, seed, config: grouped });
    for (const index of this.league.nodes.keys()) this.drivers.set(index, new DrawDriver());
  }

  fields(): Omit<Draw, 'signature'> {
    const { federation, coordinatorKey, task, rosterHash: hash, config, notAfterMs } = this.league.openFields();
    return { federation, coordinatorKey, task, seq: this.seq, rosterHash: hash, config, notAfterMs };
  }

  start(selected = [...this.league.nodes.keys()]): this {
    this.seq += 1;
    this.ended = undefined;
    this.take(startDraw(this.league.roster, this.fields(), selected, this.league.serverPorts));
    return this;
  }

  private take(step: ReturnType<typeof startDraw>): void {
    this.server = step.state;
    for (const effect of step.effects) {
      if (effect.type === 'send') this.toNodes.push(effect);
      else if (effect.type === 'grouped' || effect.type === 'void') this.ended = effect;
    }
    if (step.refusal !== undefined) throw step.refusal;
  }

  tell(event: DrawServerEvent): void {
    this.take(stepDrawServer(this.server, event, this.league.serverPorts));
  }

  /** One message to one node, its answer queued. */
  deliver(node: SimulatedNode, name: DrawEvent['name'], message: unknown): void {
    const event = { type: 'message', name, message, nowMs: leagueNowMs } as DrawEvent;
    const driver = this.drivers.get(node.index)!;
    driver.takeNow(stepDraw(driver.state, event, node.reducerPorts), {
      journal: ({ record }) => node.memory.apply(record),
      evidence: ({ evidence }) => void node.evidence.push(evidence),
      send: (effect) => void this.toServer.push({ from: node.index, ...effect }),
      wipe: wipeSecrets,
    });
  }

  /** Delivers what waits for the nodes, then their answers but those of `silent`. */
  exchange(silent: readonly number[] = []): void {
    for (const { to, name, message } of this.toNodes.splice(0)) this.deliver(this.league.nodes.get(to)!, name, message);
    for (const { from, name, message } of this.toServer.splice(0))
      if (!silent.includes(from)) this.tell({ type: 'message', from, name, message } as DrawServerEvent);
  }

  run(): this {
    while (this.toNodes.length > 0) this.exchange();
    return this;
  }

  node(place: number): SimulatedNode {
    return this.league.nodes.get(ReducerLeague.indexOf(place))!;
  }
}

const refusal = (code: string, details?: object) =>
  expect.objectContaining(details === undefined ? { code } : { code, details: expect.objectContaining(details) });

describe('groupsOf', () => {
  it('cuts by the seed, not by the order of indexes', () => {
    const members = Array.from({ length: 20 }, (_, index) => index);
    const [one, other] = [1, 2].map((byte) => groupsOf(new Uint8Array(32).fill(byte), members, 5));
    expect(one).not.toEqual(other);
    expect([one, other]).not.toContainEqual([0, 5, 10, 15].map((from) => members.slice(from, from + 5)));
  });

  it('cuts everybody into groups of nearly one size, the same for everybody', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 50 }),
        fc.nat(255),
        (size, largest, fill) => {
          const seed = new Uint8Array(32).fill(fill);
          const members = Array.from({ length: size }, (_, place) => 2 * place + 1);
          const groups = groupsOf(seed, members, largest);
          expect(groups.flat().sort((left, right) => left - right)).toEqual(members);
          expect(groups).toHaveLength(Math.ceil(size / largest));
          const sizes = groups.map((group) => group.length);
          expect(Math.max(...sizes)).toBeLessThanOrEqual(largest);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        },
      ),
      { seed: 1, numRuns: 50 },
    );
  });
});

describe('a draw', () => {
  it('gives every member its own group, and the set-ups of the groups sum to the whole', () => {
    const scene = new DrawScene(14, 'draw').start().run();
    if (scene.ended?.type !== 'grouped') throw new Error('the draw is void');
    const { groups, seedHash } = scene.ended;
    expect(groups.map((group) => group.length).sort()).toEqual([4, 5, 5]);
    const { league } = scene;
    for (const node of league.nodes.values()) {
      const own = groups.findIndex((group) => group.includes(node.index));
      const { federation, task } = league.openFields();
      expect(node.memory.grouping(federation, task)).toMatchObject({ group: own + 1, members: groups[own], seedHash });
    }
    const total = new Uint32Array(league.config.vectorLength + 1 + league.config.tail.length);
    for (const [place, group] of groups.entries()) {
      league.group = place + 1;
      league.groupSeedHash = seedHash;
      league.open(group);
      while (league.server.phase !== 'unmasking') {
        if (league.server.phase === 'ready') league.startRound();
        else league.exchange();
      }
      for (const [word, value] of league.openedWords(league.plan!).entries()) total[word] = total[word]! + value;
    }
    expect(total).toEqual(league.exactSum([...league.nodes.keys()]));
  });

  it('depends on every single part of the seed', () => {
    const seeds = ['a', 'b'].map((seed) => {
      const { ended } = new DrawScene(8, seed).start().run();
      return ended?.type === 'grouped' ? Buffer.from(ended.seedHash).toString('hex') : 'void';
    });
    expect(seeds[0]).not.toBe(seeds[1]);
    expect(seeds).not.toContain('void');
  });

  it('leaves out who does not commit in time', () => {
    const scene = new DrawScene(9, 'late').start();
    scene.exchange([ReducerLeague.indexOf(2)]);
    scene.tell({ type: 'deadline', stage: 'commitSeed' });
    scene.run();
    expect(scene.ended).toMatchObject({ type: 'grouped' });
    if (scene.ended?.type === 'grouped') expect(scene.ended.groups.flat()).not.toContain(ReducerLeague.indexOf(2));
  });

  it.each(['time', 'drop'])('is void, and tells who, where a reveal is withheld (%s)', (how) => {
    const scene = new DrawScene(8, how).start();
    const withholds = ReducerLeague.indexOf(3);
    scene.exchange();
    scene.exchange([withholds]);
    expect(scene.ended).toBeUndefined();
    scene.tell(how === 'time' ? { type: 'deadline', stage: 'revealSeed' } : { type: 'dropped', index: withholds });
    expect(scene.ended).toMatchObject({ type: 'void', withheld: [withholds] });
  });

  it('that was void is not made good by a list without the missing part', () => {
    const scene = new DrawScene(8, 'less').start();
    scene.exchange();
    scene.exchange();
    const { to, message } = scene.toNodes.find(({ name }) => name === 'seedReveals')!;
    const full = message as MessageOf<'seedReveals'>;
    const node = scene.league.nodes.get(to)!;
    for (const reveals of [full.reveals.slice(1), full.reveals.slice(0, -1), [...full.reveals].reverse()])
      expect(() => scene.deliver(node, 'seedReveals', { ...full, reveals })).toThrow(refusal('DrawVoid'));
    const forged = full.reveals.map((one, place) => (place === 2 ? { ...one, seed: new Uint8Array(32) } : one));
    expect(() => scene.deliver(node, 'seedReveals', { ...full, reveals: forged })).toThrow(refusal('BadSignature'));
    scene.deliver(node, 'seedReveals', full);
  });

  it('names whoever reveals another part than it committed to, to either side', () => {
    const scene = new DrawScene(8, 'changed').start();
    scene.exchange();
    for (const { to, name, message } of scene.toNodes.splice(0))
      scene.deliver(scene.league.nodes.get(to)!, name, message);
    const culprit = scene.node(4);
    const sent = scene.toServer.find(({ from }) => from === culprit.index)!.message as MessageOf<'revealSeed'>;
    const altered = { ...sent, seed: new Uint8Array(32).fill(9) };
    const signature = culprit.identity.sign('g2', revealSeedBytes(altered));
    const changed = { ...altered, signature };
    expect(() => scene.tell({ type: 'message', from: culprit.index, name: 'revealSeed', message: changed })).toThrow(
      refusal('DrawVoid', { culprit: culprit.index }),
    );
    // A coordinator that passes it on all the same is told the same by every node.
    const reveals = scene.toServer.map(({ message }) => {
      const { index, seed, signature } = message as MessageOf<'revealSeed'>;
      return index === culprit.index
        ? { index, seed: changed.seed, signature: changed.signature }
        : { index, seed, signature };
    });
    const passed = { drawId: sent.drawId, listHash: sent.listHash, reveals };
    expect(() => scene.deliver(scene.node(0), 'seedReveals', passed)).toThrow(
      refusal('DrawVoid', { culprit: culprit.index }),
    );
  });

  it('with a second list is refused, and the two lists are kept as evidence', () => {
    const scene = new DrawScene(8, 'lists').start();
    scene.exchange();
    const node = scene.node(0);
    const list = scene.toNodes.find(({ to }) => to === node.index)!.message as SeedCommitments;
    scene.deliver(node, 'seedCommitments', list);
    const fewer = { ...list, members: list.members.slice(0, 6) };
    const signature = scene.league.coordinator.sign('gl', seedCommitmentsBytes(list.drawId, seedListHash(fewer)));
    const answers = scene.toServer.length;
    expect(() => scene.deliver(node, 'seedCommitments', { ...fewer, signature })).toThrow(
      refusal('ConflictingMessage'),
    );
    expect(scene.toServer).toHaveLength(answers);
    expect(node.evidence).toMatchObject([{ kind: 'seedCommitments' }]);
    expect(node.evidence.every(isEvidence)).toBe(true);
    scene.deliver(node, 'seedCommitments', list);
    expect(scene.toServer.at(-1)).toEqual(scene.toServer.at(-2));
  });

  it(`is joined at most ${maxTries} times on one roster`, () => {
    const scene = new DrawScene(8, 'tries');
    for (let tries = 0; tries < maxTries; tries++) {
      scene.start();
      scene.exchange();
      scene.toNodes = [];
    }
    scene.start();
    const { to, message } = scene.toNodes[0]!;
    expect(() => scene.deliver(scene.league.nodes.get(to)!, 'draw', message)).toThrow(refusal('TooManyDraws'));
  });

  it('that succeeded is the last on its roster, also after a restart', () => {
    const scene = new DrawScene(8, 'again').start().run();
    expect(scene.ended?.type).toBe('grouped');
    scene.start();
    const { to, message } = scene.toNodes[0]!;
    scene.drivers.set(to, new DrawDriver());
    expect(() => scene.deliver(scene.league.nodes.get(to)!, 'draw', message)).toThrow(refusal('TooManyDraws'));
  });

  it('leaves a restarted node out: it reveals nothing for a seed it does not have', () => {
    const scene = new DrawScene(8, 'restart').start();
    scene.exchange();
    const { to, message } = scene.toNodes[0]!;
    scene.drivers.set(to, new DrawDriver());
    expect(() => scene.deliver(scene.league.nodes.get(to)!, 'seedCommitments', message)).toThrow(
      refusal('UnknownSetup'),
    );
  });

  const lists: readonly [string, string, (scene: DrawScene, list: SeedCommitments) => SeedCommitments['members']][] = [
    ["without this node's own commitment", 'CohortMismatch', (_, list) => list.members.slice(1)],
    ['out of order', 'CohortMismatch', (_, list) => [...list.members].reverse()],
    ['with a stranger', 'CohortMismatch', (_, list) => [...list.members, { ...list.members[7]!, index: 9999 }]],
    [
      'with a commitment that its member did not sign',
      'BadSignature',
      (_, list) => list.members.map((one, place) => (place === 3 ? { ...one, commitment: new Uint8Array(32) } : one)),
    ],
    [
      "with another's commitment copied",
      'InvalidKey',
      (scene, list) =>
        list.members.map((one, place) => {
          if (place !== 3) return one;
          const copied = { ...one, commitment: list.members[0]!.commitment };
          const signature = scene.node(3).identity.sign('g1', commitSeedBytes({ drawId: list.drawId, ...copied }));
          return { ...copied, signature };
        }),
    ],
    ['of too few members', 'CohortTooSmall', (_, list) => list.members.slice(0, 2)],
  ];
  it.each(lists)('with a list %s is refused: %s', (_, code, tamper) => {
    const scene = new DrawScene(8, code).start();
    scene.exchange();
    const node = scene.node(0);
    const list = scene.toNodes.find(({ to }) => to === node.index)!.message as SeedCommitments;
    const altered = { ...list, members: tamper(scene, list) };
    const signature = scene.league.coordinator.sign('gl', seedCommitmentsBytes(list.drawId, seedListHash(altered)));
    const before = scene.drivers.get(node.index)?.state;
    expect(() => scene.deliver(node, 'seedCommitments', { ...altered, signature })).toThrow(refusal(code));
    expect(scene.drivers.get(node.index)?.state).toBe(before);
    scene.run();
    expect(scene.ended?.type).toBe('grouped');
  });

  const draws: readonly [string, string, (draw: Omit<Draw, 'signature'>) => Omit<Draw, 'signature'>][] = [
    [
      'of another coordinator',
      'WrongCoordinatorKey',
      (draw) => ({ ...draw, coordinatorKey: new Uint8Array(32).fill(1) }),
    ],
    ['of another federation', 'PolicyRefused', (draw) => ({ ...draw, federation: draw.task })],
    ['on another roster', 'RosterMismatch', (draw) => ({ ...draw, rosterHash: new Uint8Array(32) })],
    ['that has expired', 'Timeout', (draw) => ({ ...draw, notAfterMs: leagueNowMs })],
    ['for a task with one group', 'PolicyRefused', (draw) => ({ ...draw, config: { ...draw.config, grouped: false } })],
  ];
  it.each(draws)('%s is refused: %s', (_, code, tamper) => {
    const scene = new DrawScene(8, code).start();
    const draw = tamper(scene.fields());
    const message = { ...draw, signature: scene.league.coordinator.sign('draw', drawBytes(draw)) };
    expect(() => scene.deliver(scene.node(0), 'draw', message)).toThrow(refusal(code));
    expect(scene.toServer).toEqual([]);
  });

  it.each([
    ['that has expired', leagueNowMs, 'has expired by this machine'],
    ['that is valid for too long', leagueNowMs + 90_000_000, 'policy.maxCohortAgeMs'],
  ])('%s is refused with what is said of the clock, whatever that is', (_, notAfterMs, words) => {
    const scene = new DrawScene(8, words).start();
    const draw = { ...scene.fields(), notAfterMs };
    const message = { ...draw, signature: scene.league.coordinator.sign('draw', drawBytes(draw)) };
    const event: DrawEvent = { type: 'message', name: 'draw', message, nowMs: leagueNowMs };
    const ports = scene.node(0).reducerPorts;
    const told = (blameClock?: () => string): string => {
      try {
        stepDraw(idleDraw, event, { ...ports, ...(blameClock !== undefined && { blameClock }) });
      } catch (error) {
        return (error as Error).message;
      }
      return 'taken';
    };
    expect(told()).toContain(words);
    expect(told(() => '')).toBe(told());
    expect(told(() => ', and the clock is wrong')).toMatch(/, and the clock is wrong\.$/);
  });

  it('whose number was used is refused, and two under one number are kept as evidence', () => {
    const scene = new DrawScene(8, 'numbers').start();
    const node = scene.node(0);
    const { message } = scene.toNodes.find(({ to }) => to === node.index)!;
    scene.deliver(node, 'draw', message);
    const other = { ...scene.fields(), notAfterMs: leagueNowMs + 1000 };
    const signature = scene.league.coordinator.sign('draw', drawBytes(other));
    expect(() => scene.deliver(node, 'draw', { ...other, signature })).toThrow(refusal('SequenceReplayed'));
    expect(node.evidence).toMatchObject([{ kind: 'draw' }]);
  });

  it('is needed before a set-up of a group, and a set-up of another group, seed or roster is refused', () => {
    const scene = new DrawScene(14, 'open').start().run();
    if (scene.ended?.type !== 'grouped') throw new Error('the draw is void');
    const { groups, seedHash } = scene.ended;
    const { league } = scene;
    const group = groups[0]!;
    const expectRefused = (label: number, seed: Uint8Array): void => {
      league.group = label;
      league.groupSeedHash = seed;
      league.open(group);
      expect(() => league.ask()).toThrow(refusal('PolicyRefused'));
    };
    expectRefused(2, seedHash);
    expectRefused(1, new Uint8Array(32));
    expectRefused(0, new Uint8Array(32));
    // A member of another group that works with the coordinator joins the cohort.
    const stranger = league.nodes.get(groups[1]![0]!)!;
    const { federation, task, rosterHash } = league.openFields();
    const grouping = { rosterHash, seedHash, group: 1, members: [] };
    stranger.memory.apply({ type: 'grouped', federation, task, grouping });
    league.group = 1;
    league.groupSeedHash = seedHash;
    league.open([...group, stranger.index].sort((left, right) => left - right));
    league.exchange();
    expect(() => league.ask()).toThrow(refusal('CohortMismatch'));
  });
});
