import { type Row, staged } from '../harness/row.ts';

const inOneRequest = 'in one request';

/** A peer's b and s together open its update. */
export const bothSecretsOfOne: Row = {
  number: 1,
  name: 'both-secrets-of-one',
  attack: 'ask for b and s of one peer',
  attacks: [
    staged(inOneRequest, 'gave one kind of each', async (scene) => {
      const set = await (await scene.shared()).finish();
      // Colluders always have shares of both kinds.
      const given = scene.honest.map((dealer) => set.view.sharesOf(dealer, 'mask') - scene.colluding.length);
      return given.every((count) => count === 0) ? 'gave one kind of each' : 'gave both kinds';
    }),
    staged('in two requests: once more, with a U3 without the peer', 'ConflictingMessage', async (scene) => {
      const set = await (await scene.shared()).finish();
      const alive = scene.without(scene.honest[4]!);
      await set.collectSignatures((member) => (alive.includes(member) ? alive : undefined));
      return undefined;
    }),
    staged('in two requests: the same one again', 'the stored bytes', async (scene) => {
      const set = await (await scene.shared()).mask();
      await set.collectSignatures();
      const answers: string[] = [];
      for (let time = 0; time < 2; time++) {
        await set.tell(scene.victim, 'quorum', set.quorum(scene.victim));
        answers.push(JSON.stringify(await scene.rogue.hear(scene.victim, 'revealShares')));
      }
      return answers[0] === answers[1] ? 'the stored bytes' : 'other bytes';
    }),
  ],
  breaks: [{ variant: inOneRequest, without: { 'one kind of share': 'one update' }, gains: 'one update' }],
};
