import { encodeMessage, type MessageOf, type SetupMessageName } from '@hansa/shared/protocol/secagg';
import type { Defence } from '../defences.ts';
import { Refused } from './rogue.ts';
import { Scene, type SceneOptions } from './scene.ts';
import type { SetUp } from './setUp.ts';

/** The outcome of one variant of an attack. */
export interface Outcome {
  /** What the victim did: the code with which it refused, or what it did instead. */
  readonly did: string;
  /** What the attacker learned although it may not, checked against what the members themselves kept. */
  readonly gained?: string;
}

/** A script that carries out one variant of an attack, or several in one go. It runs the same with all defences in place and without some. */
export interface Attack {
  /** Variant → what the victim must do while all its defences are in place. */
  readonly expects: Readonly<Record<string, string>>;
  /** Variant → outcome. */
  run(): Promise<Readonly<Record<string, Outcome>>>;
}

/** A variant that succeeds without some defences. */
export interface Break {
  readonly variant: string;
  /** Without all of these the variant succeeds; each one's value is the outcome without that one alone. */
  readonly without: Readonly<Partial<Record<Defence, string>>>;
  /** What the attacker then learns. */
  readonly gains: string;
}

/** One row of the attack table. */
export interface Row {
  readonly number: number;
  /** What it attacks, in a few words joined by hyphens: its id, also in `THREAT_MODEL.md` and in planted faults. */
  readonly name: string;
  readonly attack: string;
  readonly attacks: readonly Attack[];
  readonly breaks: readonly Break[];
}

/** One variant against nodes: it goes as far as they allow, then tries to unmask forbidden sums with all that it learned. */
export function staged(
  name: string,
  expects: string,
  script: (scene: Scene) => Promise<string | Outcome | undefined>,
  options?: SceneOptions,
): Attack {
  return {
    expects: { [name]: expects },
    async run() {
      const scene = await Scene.start(options);
      try {
        const end = await script(scene).catch(codeOf);
        const outcome = typeof end === 'object' ? end : { did: end ?? 'let it pass' };
        const leak = scene.leak();
        return { [name]: leak === undefined ? outcome : { ...outcome, gained: leak } };
      } finally {
        await scene.stop();
      }
    },
  };
}

/** A message as it is sent, good or bad. */
export interface WireMessage {
  readonly name: string;
  readonly wire: unknown;
  /** Fields that replace those of the envelope. */
  readonly envelope?: object;
}

export const onWire = <Name extends SetupMessageName>(name: Name, message: MessageOf<Name>): WireMessage => ({
  name,
  wire: encodeMessage(name, message),
});

/** The stage at which bad messages are sent: just before the victim gets the message of this name. */
type Stage = 'open' | 'cohort' | 'encryptedShares' | 'startRound' | 'survivors' | 'quorum' | 'result';

/** Variants of one stage: each with what the victim must answer, and the message. `earlier` is the set-up of a finished round. */
export type BadMessages = Readonly<Record<string, Try>>;

export type Try = readonly [string, (scene: Scene, set: SetUp, earlier: SetUp) => WireMessage];

/**
 * Bad messages to one node, many in one set-up. The node must refuse each by its code and keep its state: its journal must stay the same byte for byte, and
 * the set-up must still finish with its exact sum.
 */
export function messageAttack(
  stages: Readonly<Partial<Record<Stage, BadMessages>>>,
  { afterRound = false, ...options }: SceneOptions & { readonly afterRound?: boolean } = {},
): Attack {
  const all = Object.values(stages).flatMap((messages) => Object.entries(messages));
  return {
    expects: Object.fromEntries(all.map(([name, [expects]]) => [name, expects])),
    async run() {
      const scene = await Scene.start(options);
      try {
        const outcomes = new Map<string, string>();
        const earlier = afterRound ? await wholeRound(scene) : scene.setUp();
        const send = async (stage: Stage, set: SetUp) => {
          for (const [name, [, messageOf]] of Object.entries(stages[stage] ?? {}))
            outcomes.set(name, await sendTo(scene, messageOf(scene, set, earlier)));
        };
        const set = scene.setUp();
        await send('open', set);
        await set.advertise();
        await send('cohort', set);
        await set.deal();
        await send('encryptedShares', set);
        await set.handOut();
        await send('startRound', set);
        await set.mask();
        await send('survivors', set);
        await set.collectSignatures();
        await send('quorum', set);
        await set.reveal();
        await send('result', set);
        const exact = set.view.openedSums().some(({ members }) => members.length === scene.honest.length);
        const leak = scene.leak();
        return Object.fromEntries(
          [...outcomes].map(([name, did]) => [
            name,
            { did: exact ? did : `${did}, and the sum is lost`, ...(leak === undefined ? {} : { gained: leak }) },
          ]),
        );
      } finally {
        await scene.stop();
      }
    },
  };
}

/** One honest round, to its result. */
async function wholeRound(scene: Scene): Promise<SetUp> {
  const set = await (await scene.shared()).finish();
  await set.conclude();
  scene.round += 1;
  return set;
}

async function sendTo(scene: Scene, { name, wire, envelope }: WireMessage): Promise<string> {
  const before = scene.node(scene.victim).journal();
  const did = await scene.rogue.tell(scene.victim, name, wire, envelope).then(() => 'let it pass', codeOf);
  if (did === 'ConnectionLost') await scene.rogue.connected(scene.victim);
  return scene.node(scene.victim).journal() === before ? did : `${did}, and its journal has grown`;
}

function codeOf(error: unknown): string {
  if (error instanceof Refused) return error.code;
  throw error;
}
