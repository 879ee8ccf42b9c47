import { ToyLeague, type ToyNode } from '@hansa/coordinator/testing';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import { isExact, sentBy, toyUpdate } from '../harness/cheat.ts';
import type { Attack, Row } from '../harness/row.ts';

/** A whole league with the real coordinator. Some members vanish when their masks are in all other vectors. */
function vanish(size: number, gone: number, expects: string): Attack {
  const name = `${gone} of ${size} vanish after their shares were dealt`;
  return {
    expects: { [name]: expects },
    async run() {
      const league = await ToyLeague.start();
      let config: SecAggConfig | undefined;
      const update = (_round: number, one: SecAggConfig) => {
        config = one;
        return toyUpdate();
      };
      try {
        await league.enrol(size - gone, { update });
        await league.enrol(gone, {
          update,
          before: (effect, node: ToyNode) => {
            if (sentBy(effect)?.name !== 'maskedInputHeader') return;
            node.kill();
            throw new Error('gone');
          },
        });
        const over = league.logged({ msg: 'round ended' });
        const taskId = await league.createTask({ rounds: 1, cohort: { minimum: size, maximum: size } });
        await Promise.all(league.nodes.map((node) => node.connect()));
        await over;
        const [record] = await league.rounds(taskId);
        const { outcome, reason = '', sumHash, modelHash } = record!;
        if (outcome === 'committed')
          return { [name]: { did: isExact(record!, config!, size - gone) ? 'exact' : 'another sum' } };
        return { [name]: { did: sumHash === undefined && modelHash === undefined ? `${reason}, no sum` : reason } };
      } finally {
        await league.close();
      }
    },
  };
}

/** As many drop-outs as a cohort tolerates, and one more. */
export const dropOuts: Row = {
  number: 21,
  name: 'drop-outs',
  attack: 'drop-outs',
  attacks: [
    vanish(5, 1, 'exact'),
    vanish(5, 2, 'TooFewSurvivors, no sum'),
    vanish(10, 3, 'exact'),
    vanish(10, 4, 'TooFewSurvivors, no sum'),
    vanish(100, 33, 'exact'),
    vanish(100, 34, 'TooFewSurvivors, no sum'),
  ],
  breaks: [],
};
