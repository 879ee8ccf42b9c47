import type { JobOptions } from '@hansa/shared/model';
import type { RoundRecord, TaskFile } from '@hansa/shared/protocol';
import { type NameOf, nameClients, roundReport, roundResult } from './collect.ts';
import type { DemoRun, League } from './demoRun.ts';
import { chosenRate, type Pilot, pilotOf } from './league/pilots.ts';
import { type Training, train } from './league/train.ts';
import type { DemoOptions } from './options.ts';
import { dictionaries } from './report/dictionary/dictionary.ts';
import { storyOf } from './report/storyOf.ts';
import { pilotWords } from './screen/render.ts';
import { addBytes, setActivity, showStatus } from './screen/showStatus.ts';
import { pilotCount, pilotTask, victimPlace } from './settings.ts';

/** A pilot for every learning rate of the grid, where there is more than one: the league's is chosen by its validation loss, like each merchant's own. */
export async function runPilots(league: League, options: DemoOptions, job: JobOptions, run: DemoRun): Promise<Pilot[]> {
  const { state, screen, training } = run;
  const pilots: Pilot[] = [];
  const count = pilotCount(training);
  for (const learningRate of training.learningRates.slice(0, count)) {
    state.pilot = { number: pilots.length + 1, count, learningRate };
    const task = pilotTask(options, job, training, learningRate);
    pilots.push(pilotOf(learningRate, await trainVisibly(task, league, undefined, run)));
  }
  state.pilot = undefined;
  if (count > 0) {
    const chosen = chosenRate(pilots, Number.NaN);
    const losses = pilots.map((pilot) => `${pilot.validationLoss.toFixed(4)} at ${pilot.learningRate}`);
    screen.tell(`Learning rate ${chosen} chosen on the members' validation loss: ${losses.join(', ')}`);
  }
  return pilots;
}

/** Trains a task in the league and shows every step; from `killFromRound` on one merchant's node is killed once. */
export async function trainVisibly(
  task: TaskFile,
  { coordinator, nodes, modelHash }: League,
  killFromRound: number | undefined,
  { state, screen, processes, signal }: DemoRun,
): Promise<Training> {
  const nameOf = nameClients(nodes);
  let killed: string | undefined;
  state.rounds = task.rounds;
  state.losses.length = 0;
  return await train(
    { task, modelHash, killFromRound, preferredVictim: nodes[victimPlace] },
    coordinator,
    nodes,
    processes,
    signal,
    {
      status: (status) => {
        showStatus(state, status, nameOf);
        screen.update();
      },
      killed: ({ merchant }, round) => {
        killed = merchant.id;
        setActivity(state, merchant.id, { kind: 'killed' });
        screen.tell(
          `Round ${round}: ${merchant.id} is killed (SIGKILL), its key shares handed out, its update not sent`,
        );
      },
      killedLate: ({ merchant }) => {
        killed = undefined;
        screen.tell(`${merchant.id} had just sent its update when it was killed: the next round tries again`);
      },
      restarted: ({ merchant }) => {
        setActivity(state, merchant.id, { kind: 'restarting' });
        screen.tell(`${merchant.id} is started again and joins the next round`);
      },
      round: (record, sumExact) => {
        addBytes(state, record, nameOf);
        if (record.loss !== undefined) state.losses.push(record.loss);
        screen.tell(`${pilotWords(state)}${tellRound(record, nameOf, sumExact, killed)}`);
      },
    },
  );
}

/** 'Round 2: merchant-4 was killed …': the same words as in the report. */
function tellRound(
  record: RoundRecord,
  nameOf: NameOf,
  sumExact: boolean | undefined,
  killed: string | undefined,
): string {
  const { en } = dictionaries;
  const result = roundResult(record, nameOf);
  const story = storyOf(en, result, roundReport(record, nameOf, sumExact, killed));
  const loss = result.loss === null ? '' : ` Loss ${en.number(result.loss, 4)};`;
  return `Round ${record.round}: ${story}${loss} ${en.seconds(record.seconds).replace('\u00a0', ' ')}`;
}
