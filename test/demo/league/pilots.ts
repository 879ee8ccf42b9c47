import { HansaError } from '@hansa/shared/errors';
import type { Training } from './train.ts';

/** What the league learned in a short task at one learning rate. */
export interface Pilot {
  readonly learningRate: number;
  /** Mean over the members, read off the secure sum: of the model that the pilot's last round started from. */
  readonly validationLoss: number;
  readonly training: Training;
}

/** Reads a pilot's result off its records. @throws HansaError ProcessFailed (when no round tells a validation loss) */
export function pilotOf(learningRate: number, training: Training): Pilot {
  const last = training.rounds.findLast(({ outcome }) => outcome === 'committed');
  if (last?.validationLoss === undefined) {
    throw new HansaError('ProcessFailed', `The pilot at learning rate ${learningRate} told no validation loss.`);
  }
  return { learningRate, validationLoss: last.validationLoss, training };
}

/** The learning rate with the lowest validation loss, the first of equals; `only` where there were no pilots. */
export function chosenRate(pilots: readonly Pilot[], only: number): number {
  const [first, ...others] = pilots;
  if (first === undefined) return only;
  return others.reduce((best, pilot) => (pilot.validationLoss < best.validationLoss ? pilot : best), first)
    .learningRate;
}
