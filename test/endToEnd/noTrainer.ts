import type { Trainer } from '@hansa/client-node/trainer';

/** The parts of a trainer that has neither engine nor data: whoever uses it says what `train` gives. */
export function noTrainer(reason: string): Omit<Trainer, 'train'> {
  return {
    engine: { name: 'cpu', reason, passedOver: [], measured: [] },
    data: [
      {
        job: 'demand',
        rows: 0,
        trainExamples: 1,
        validationExamples: 0,
        testExamples: 0,
        report: { summary: [], cleaning: [], findings: [], facts: { frequency: 'day' } },
      },
    ],
    held: { digest: '', bytes: 0 },
    compare: () => Promise.reject(new RangeError('this node has no data')),
    forecast: () => Promise.reject(new RangeError('this node has no data')),
    close: async () => undefined,
  };
}
