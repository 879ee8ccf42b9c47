import type { SecretBytes } from '@hansa/shared/crypto';

/** Undefined where a step was finished at once, else what to wait for. */
export type Done = void | Promise<void>;

/** One function for each type of effect. An effect is finished once what its function returns is. */
export type EffectPorts<Effect extends { readonly type: string }> = {
  readonly [Type in Effect['type']]: (effect: Extract<Effect, { readonly type: Type }>) => Done;
};

/** Wipes what a `wipe` effect names: the port of everybody who keeps no secret beyond its time. */
export function wipeSecrets({ secrets }: { readonly secrets: readonly SecretBytes[] }): void {
  for (const secret of secrets) secret.wipe();
}

/**
 * Work whose steps are finished one after the other; it yields what each step has to wait for. It is written as a generator so that a node, which
 * waits for its disk, and a simulation, which waits for nothing, run the same code: {@link finish} and {@link finishNow}.
 */
export type Work = Generator<Done, void, void>;

/** Carries out a reducer's effects in order, each finished before the next begins. None is carried out after one that fails. */
export function* carryOut<Effect extends { readonly type: string }>(
  effects: readonly Effect[],
  ports: EffectPorts<Effect>,
): Work {
  const byType = ports as unknown as Readonly<Record<string, (effect: Effect) => Done>>;
  for (const effect of effects) yield byType[effect.type]!(effect);
}

/** Runs work to its end. */
export async function finish(work: Work): Promise<void> {
  let step = work.next();
  while (step.done !== true) {
    try {
      await step.value;
    } catch (error) {
      step = work.throw(error);
      continue;
    }
    step = work.next();
  }
}

/** Runs work whose steps wait for nothing. @throws RangeError (when one has to wait) */
export function finishNow(work: Work): void {
  for (const done of work)
    if (done !== undefined) throw new RangeError('a port has to be waited for where nothing waits');
}
