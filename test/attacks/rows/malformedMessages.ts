import { encodeMessage, type NodeSetupMessageName, type SetupMessageName } from '@hansa/shared/protocol/secagg';
import { cheating, type Honest } from '../harness/cheat.ts';
import { type BadMessages, messageAttack, onWire, type Row, type Try, type WireMessage } from '../harness/row.ts';
import type { Scene } from '../harness/scene.ts';
import type { SetUp } from '../harness/setUp.ts';

type Wire = Record<string, unknown>;

/** Ways to make any message bad: the name, the code that must answer it, and the bad JSON value from the good one. */
const spoiled: readonly (readonly [string, string, (wire: Wire) => unknown])[] = [
  ['a field missing', 'InvalidMessage', ({ sid: _sid, federation: _federation, ...rest }) => rest],
  ['an unknown field', 'InvalidMessage', (wire) => ({ ...wire, extra: 1 })],
  ['bytes cut short', 'InvalidMessage', (wire) => mapText(wire, (text) => text.slice(0, -2))],
  ['another encoding of the same bytes', 'InvalidMessage', (wire) => mapText(wire, (text) => `${text}=`)],
  ['a number where bytes belong', 'InvalidMessage', (wire) => mapText(wire, () => 7)],
  ['a list', 'InvalidMessage', (wire) => [wire]],
  ['nothing', 'InvalidMessage', () => null],
];

/** A message with one of its fields of bytes changed: `sid`, or in OPEN, which has none, the coordinator's key. */
function mapText(wire: Wire, change: (text: string) => unknown): Wire {
  const field = 'sid' in wire ? 'sid' : 'coordinatorKey';
  return { ...wire, [field]: change(String(wire[field])) };
}

const hugeText = 'x'.repeat(5 << 20);

/** All of them for one message to a node. */
function badMessages(
  title: string,
  name: SetupMessageName,
  good: (scene: Scene, set: SetUp) => WireMessage,
): BadMessages {
  return Object.fromEntries([
    ...spoiled.map(([how, code, change]): [string, Try] => [
      `${title}: ${how}`,
      [code, (scene, set) => ({ name, wire: change(good(scene, set).wire as Wire) })],
    ]),
    [
      `${title}: another version`,
      [
        'UnsupportedProtocolVersion',
        (scene: Scene, set: SetUp) => ({ ...good(scene, set), envelope: { v: 99 } }),
      ] as const,
    ],
    [`${title}: 5 MiB`, ['ConnectionLost', () => ({ name, wire: hugeText })]],
  ]);
}

const empty = new Uint8Array(32);
const signature = new Uint8Array(64);

/** All of them for one message of a node to the coordinator. */
const fromNode = (title: string) =>
  Object.fromEntries([
    ...spoiled.map(([how, code, change]) => [
      `${title}: ${how}`,
      [code, ({ name, message }: Honest) => ({ wire: change(encodeMessage(name, message) as Wire) })] as const,
    ]),
    [
      `${title}: another version`,
      [
        'UnsupportedProtocolVersion',
        ({ name, message }: Honest) => ({ wire: encodeMessage(name, message), version: 99 }),
      ] as const,
    ],
  ]);

const early = (title: string, name: NodeSetupMessageName) =>
  ({
    [`${title}, too early`]: [
      'UnexpectedMessage',
      ({ message }: Honest) => {
        const { sid, index } = message;
        const common = { sid, index, roundHash: empty, signature };
        const wire =
          name === 'signSurvivors'
            ? encodeMessage('signSurvivors', common)
            : encodeMessage('revealShares', { ...common, shares: [] });
        return { name, wire };
      },
    ],
  }) as const;

/** Malformed, oversized and misplaced messages. */
export const malformedMessages: Row = {
  number: 24,
  name: 'malformed-messages',
  attack: 'malformed, huge, early, late, out of order',
  attacks: [
    messageAttack({
      open: {
        ...badMessages('OPEN', 'open', (_, set) => onWire('open', set.open)),
        'M4 before there is a set-up': [
          'UnknownSetup',
          (_, { sid }) => onWire('survivors', { sid, roundHash: empty, survivors: Uint8Array.of(1), signature }),
        ],
        'a message that nobody knows': ['InvalidMessage', () => ({ name: 'giveUpdate', wire: {} })],
      },
      cohort: {
        ...badMessages('L1', 'cohort', (_, set) => onWire('cohort', set.cohort())),
        'L1 out of order': [
          'CohortMismatch',
          (_, set) => onWire('cohort', set.signCohort([...set.cohort().members].reverse())),
        ],
        "M2' before L1": ['UnexpectedMessage', (_, { sid }) => onWire('encryptedShares', { sid, dealers: [] })],
      },
      encryptedShares: {
        ...badMessages("M2'", 'encryptedShares', (scene, set) =>
          onWire('encryptedShares', set.sharesFor(scene.victim)),
        ),
        "M2' out of order": [
          'InvalidMessage',
          (scene, set) => {
            const { sid, dealers } = set.sharesFor(scene.victim);
            return onWire('encryptedShares', { sid, dealers: [...dealers].reverse() });
          },
        ],
        "M3 before M2'": [
          'UnexpectedMessage',
          (scene, set) => onWire('startRound', set.startRound(scene.victim, { sharers: scene.members }).message),
        ],
      },
      startRound: {
        ...badMessages('M3', 'startRound', (scene, set) =>
          onWire('startRound', set.startRound(scene.victim, { sharers: scene.members }).message),
        ),
        'M4 before M3': [
          'UnexpectedMessage',
          (_, { sid }) => onWire('survivors', { sid, roundHash: empty, survivors: Uint8Array.of(0x7f), signature }),
        ],
        'another L1 after all': [
          'ConflictingMessage',
          (scene, set) => onWire('cohort', set.cohort(scene.without(scene.honest[4]!))),
        ],
        "another M2' after all": [
          'ConflictingMessage',
          (_, { sid }) => onWire('encryptedShares', { sid, dealers: [] }),
        ],
      },
      survivors: {
        ...badMessages('M4', 'survivors', (scene, set) =>
          onWire('survivors', set.survivors(scene.victim, scene.members)),
        ),
        'M5 before M4': [
          'UnexpectedMessage',
          (scene, { sid, rounds }) =>
            onWire('quorum', { sid, roundHash: rounds.get(scene.victim)!.hash, signatures: [] }),
        ],
      },
      quorum: {
        ...badMessages('M5', 'quorum', (scene, set) => onWire('quorum', set.quorum(scene.victim))),
        'another U3 after all': [
          'ConflictingMessage',
          (scene, set) => onWire('survivors', set.survivors(scene.victim, scene.without(scene.honest[4]!))),
        ],
      },
      result: {
        'M6 for a U3 that was not signed': [
          'ResultMismatch',
          (scene, set) => onWire('result', set.result(scene.victim, scene.without(scene.honest[4]!))),
        ],
        'another M5 after all': [
          'ConflictingMessage',
          (scene, set) => {
            const { signatures, ...rest } = set.quorum(scene.victim);
            return onWire('quorum', { ...rest, signatures: signatures.slice(1) });
          },
        ],
      },
    }),
    cheating(
      {
        advertiseKeys: { ...fromNode('M1'), ...early('M5', 'revealShares') },
        shareKeys: { ...fromNode('M2'), ...early('M4', 'signSurvivors') },
        acknowledgeShares: fromNode('ACK'),
        maskedInputHeader: fromNode('the header'),
        signSurvivors: fromNode("M4's signature"),
        revealShares: fromNode("M5's shares"),
      },
      {
        advertiseKeys: {
          'other keys after all': [
            'ConflictingMessage',
            ({ message }) => ({
              wire: { ...(encodeMessage('advertiseKeys', message as never) as Wire), maskKey: 'A'.repeat(43) },
            }),
          ],
        },
      },
    ),
  ],
  breaks: [],
};
