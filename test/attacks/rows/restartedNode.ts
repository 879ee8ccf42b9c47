import { HansaError } from '@hansa/shared/errors';
import { type Row, staged } from '../harness/row.ts';

const askedAgain = 'killed after M5, restarted, asked for another U3';

/** A node that forgets what it has revealed, or that runs twice. */
export const restartedNode: Row = {
  number: 6,
  name: 'restarted-node',
  attack: 'kill, restart, ask again; a second process',
  attacks: [
    staged(
      'killed after M4, restarted, sent the U3 again',
      'UnknownSetup',
      async (scene) => {
        const set = await (await scene.shared()).mask();
        await set.collectSignatures();
        await scene.killAndRestart();
        await set.collectSignatures();
        return undefined;
      },
      { apart: true },
    ),
    staged(
      'killed after M4, restarted, sent the quorum',
      'UnknownSetup',
      async (scene) => {
        const set = await (await scene.shared()).mask();
        await set.collectSignatures();
        await scene.killAndRestart();
        await set.reveal();
        return undefined;
      },
      { apart: true },
    ),
    staged(
      askedAgain,
      'UnknownSetup',
      async (scene) => {
        const set = await (await scene.shared()).finish();
        await scene.killAndRestart();
        const alive = scene.without(scene.victim);
        set.survivorBits.clear();
        await set.collectSignatures((member) => (alive.includes(member) ? alive : undefined));
        await set.reveal();
        return undefined;
      },
      { apart: true },
    ),
    staged(
      'a second process of one identity',
      'IdentityLocked',
      async (scene) => {
        await scene.shared();
        scene.node(scene.victim).start();
        const end = await scene.node(scene.victim).finished.catch((error: unknown) => error);
        return end instanceof HansaError ? end.code : 'let it start';
      },
      { apart: true },
    ),
  ],
  breaks: [
    {
      variant: askedAgain,
      without: { 'no set-up on disk': 'RoundAlreadySigned', 'M4 once, seen at M4': 'UnknownSetup' },
      gains: 'one update',
    },
  ],
};
