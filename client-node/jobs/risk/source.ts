import type { JobSource } from '../job.ts';
import { type RiskConfig, riskConfigSchema } from './config.ts';
import type { RiskFacts } from './load/describeOrders.ts';
import type { OrderData } from './orders.ts';

/** Orders with what was known of them on the day of the order, and whether they came late. */
export const source: JobSource<RiskConfig, OrderData> = {
  config: riskConfigSchema,
  // The database comes with it, and not every process that knows of the job reads files.
  load: async (...asked) => (await import('./load/loadOrders.ts')).loadOrders(...asked),
  refusal(options, { facts }) {
    if (options.kind !== 'risk') return undefined;
    const { names } = facts as unknown as RiskFacts;
    for (const kind of ['numbers', 'categories', 'texts'] as const) {
      const asked = [...options[kind]].sort().join(', ') || 'none';
      const given = names[kind].join(', ') || 'none';
      if (asked !== given) {
        return `the task's orders have the ${kind} ${asked}, and this node's configuration names ${given} (data, columns.${kind})`;
      }
    }
    return undefined;
  },
  modelRefusal({ text }, { facts }) {
    const { names, tokens } = facts as unknown as RiskFacts;
    if (text === undefined || names.texts.length === 0) return undefined;
    const remedy =
      'take the file that `hansa-client model import` has written beside the model that the task began with (NAME.tokenizer.json)';
    if (tokens === undefined) {
      return `the model reads texts by its word embeddings, and this node's configuration names no tokenizer (data, tokenizer): ${remedy}`;
    }
    if (tokens.vocabularySize > text.vocabularySize) {
      return `the tokenizer that this node's configuration names (data, tokenizer) has ${tokens.vocabularySize} tokens, and the model has embeddings of ${text.vocabularySize}: ${remedy}`;
    }
    return undefined;
  },
};
