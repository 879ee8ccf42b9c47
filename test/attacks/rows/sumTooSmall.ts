import { messageAttack, onWire, type Row, staged } from '../harness/row.ts';
import type { Scene } from '../harness/scene.ts';
import type { SetUp } from '../harness/setUp.ts';

const ofSizeT = 'U3 of t members where all must survive';

const sharers = (members: (scene: Scene) => readonly number[]) => (scene: Scene, set: SetUp) =>
  onWire('startRound', set.startRound(scene.victim, { sharers: members(scene) }).message);

const survivors = (members: (scene: Scene) => readonly number[]) => (scene: Scene, set: SetUp) =>
  onWire('survivors', set.survivors(scene.victim, members(scene)));

/** Sums of too few members. */
export const sumTooSmall: Row = {
  number: 12,
  name: 'sum-too-small',
  attack: 'U2 or U3 too small, or without the victim',
  attacks: [
    messageAttack({
      startRound: {
        'U2 without the victim': ['U2NotSubset', sharers((scene) => scene.without(scene.victim))],
        "U2 without the victim's neighbours": [
          'TooFewSurvivors',
          sharers(({ victim, colluding }) => [victim, ...colluding]),
        ],
        'U2 one below the floor': [
          'TooFewSurvivors',
          sharers(({ victim, honest, colluding }) => [victim, honest[1]!, ...colluding]),
        ],
      },
      survivors: {
        'U3 without the victim': ['U3NotSubset', survivors((scene) => scene.without(scene.victim))],
        "U3 without the victim's neighbours": [
          'TooFewSurvivors',
          survivors(({ victim, colluding }) => [victim, ...colluding]),
        ],
        'U3 one below the floor': [
          'TooFewSurvivors',
          survivors(({ victim, honest, colluding }) => [victim, honest[1]!, ...colluding]),
        ],
        'U3 of the victim alone': ['TooFewSurvivors', survivors(({ victim }) => [victim])],
      },
    }),
    staged(
      ofSizeT,
      'TooFewSurvivors',
      async (scene) => {
        const set = await (await scene.shared()).mask();
        const alive = scene.without(scene.honest[3]!, scene.honest[4]!);
        await set.collectSignatures((member) => (alive.includes(member) ? alive : undefined));
        await set.reveal();
        return undefined;
      },
      { config: { deltaPermille: 0 } },
    ),
  ],
  breaks: [{ variant: ofSizeT, without: { 'floor of survivors': 'a sum of 3' }, gains: 'a sum of 3' }],
};
