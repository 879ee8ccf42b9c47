import { type Row, staged } from '../harness/row.ts';

const zeroUpdates = 'one from which every update is zero, to all but the victim';

/** Gradient suppression (Pasquini et al. 2022): the sum of one update and of zeros is that update. */
export const differentModels: Row = {
  number: 8,
  name: 'different-models',
  attack: 'different models to different members',
  attacks: [
    staged(zeroUpdates, 'NoQuorum', async (scene) => {
      const set = await scene.shared();
      const modelHash = scene.zeroUpdateModelHash();
      await set.mask((member) => ({ sharers: scene.members, ...(member === scene.victim ? {} : { modelHash }) }));
      await set.collectSignatures();
      await set.reveal();
      return scene.leak() === undefined ? 'noise' : undefined;
    }),
    staged('other bytes under the same hash', 'WrongHash', async (scene) => {
      const set = await scene.shared();
      const zeroUpdateModel = scene.rogue.blobs.get(Buffer.from(scene.zeroUpdateModelHash()).toString('hex'))!;
      scene.rogue.blobs.set(Buffer.from(scene.modelHash).toString('hex'), zeroUpdateModel);
      await set.mask((member) => (member === scene.victim ? { sharers: scene.members } : undefined));
      return undefined;
    }),
  ],
  breaks: [
    { variant: zeroUpdates, without: { 'R in M4': 'noise', 'R in the mask keys': 'NoQuorum' }, gains: 'one update' },
  ],
};
