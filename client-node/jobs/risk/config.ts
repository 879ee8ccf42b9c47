import { columnsSchema, MOST_CATEGORIES, MOST_NUMBERS, MOST_TEXTS } from '@hansa/shared/model/jobs/risk';
import { z } from 'zod';
import { timeZoneSchema } from '../../data/dates.ts';
import { columnName, dateSchema, hasDates, maxMemorySchema, sourceSchemaOf } from '../../data/sourceSchema.ts';

/** Which column of an order file means what. A column that is not named is not read. */
const columns = z
  .strictObject({
    order: columnName.describe('Number of the order; only lines that are equal in every mapped column count once'),
    ordered: columnName.describe(
      'Day of the order: what was known before it is what a forecast goes by. YYYY-MM-DD or YYYY/MM/DD, a time of day may follow',
    ),
    promised: columnName.describe('Day by which delivery was promised'),
    delivered: columnName.optional().describe('Day of delivery; an order without one is left out'),
    late: columnName
      .optional()
      .describe(
        'Instead of `delivered`: whether the order was late, true or false. It counts as known from the day after the promised one',
      ),
    merchant: columnName.optional().describe('Whose order it is, in a file of several merchants'),
    weight: columnName
      .optional()
      .describe(
        'What the order counts for in training, above 0, such as its value; without it all orders count the same',
      ),
    numbers: columnsSchema(MOST_NUMBERS)
      .default({})
      .describe('Amounts that were known on the day of the order, by the names that the league gives them'),
    categories: columnsSchema(MOST_CATEGORIES).default({}).describe('Kinds, likewise'),
    texts: columnsSchema(MOST_TEXTS).default({}).describe('Words, likewise'),
  })
  .refine(({ delivered, late }) => (delivered === undefined) !== (late === undefined), {
    message: 'must name either the day of delivery or whether the order was late',
    path: ['delivered'],
  });

const sourceSchema = sourceSchemaOf(columns);
export type Source = z.infer<typeof sourceSchema>;

/** The names of one kind of column, in the order of their places in the model: the same for every member of a league. */
export const namesOf = (named: Readonly<Record<string, unknown>>): string[] => Object.keys(named).sort();

const kinds = ['numbers', 'categories', 'texts'] as const;

/** The entry for risk under `data` in a node's configuration: order files, what their columns mean, and the days that split them. */
export const riskConfigSchema = z
  .strictObject({
    job: z.literal('risk').describe('The job that this entry is for'),
    sources: z.array(sourceSchema).min(1).max(100).describe('Where the orders are'),
    merchant: z.string().min(1).max(200).optional().describe('Keeps the lines whose merchant column has this value'),
    carrier: z
      .string()
      .optional()
      .describe(
        'The category whose past late rate is the simple forecast to beat; without it the one that does best on validation',
      ),
    tokenizer: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .describe(
        "The tokenizer of the league's model where that has word embeddings, relative to the configuration file: texts are then read by them too",
      ),
    maxMemoryBytes: maxMemorySchema
      .optional()
      .describe(
        "The most memory that reading the files may take, in bytes; a quarter of the machine's without it. More than that goes to the disk",
      ),
    timeZone: timeZoneSchema
      .optional()
      .describe(
        'Where days begin and end, for dates that are instants; without it such dates count as they are written, or as days in UTC',
      ),
    validFrom: dateSchema
      .optional()
      .describe(
        'First promised day that is held out, to choose learning rates and models; without it and testFrom the last 30 % of the orders are, half of them to test',
      ),
    testFrom: dateSchema.optional().describe('First promised day that is only for scores'),
  })
  .refine(({ validFrom, testFrom }) => (validFrom === undefined) === (testFrom === undefined), {
    message: 'goes with validFrom: give both or neither',
    path: ['testFrom'],
  })
  .refine(({ validFrom, testFrom }) => validFrom === undefined || testFrom === undefined || validFrom < testFrom, {
    message: 'must be later than validFrom',
    path: ['testFrom'],
    when: ({ value }) => hasDates(value, 'validFrom', 'testFrom'),
  })
  .refine(
    ({ merchant, sources }) => merchant === undefined || sources.every(({ columns }) => columns.merchant !== undefined),
    {
      message: 'asks for one merchant, so that every source must name its merchant column (columns.merchant)',
      path: ['merchant'],
    },
  )
  .refine(
    ({ sources }) =>
      kinds.every((kind) => new Set(sources.map(({ columns }) => namesOf(columns[kind]).join())).size === 1),
    { message: 'must all name the same numbers, categories and texts', path: ['sources'] },
  )
  .refine(({ sources: [first] }) => namesOf({ ...first?.columns.numbers, ...first?.columns.categories }).length > 0, {
    message: 'name no number and no category (columns.numbers, columns.categories): there is nothing to forecast from',
    path: ['sources'],
  })
  .refine(({ carrier, sources }) => carrier === undefined || carrier in (sources[0]?.columns.categories ?? {}), {
    message: 'must be one of the names under columns.categories',
    path: ['carrier'],
  })
  .refine(
    ({ tokenizer, sources: [first] }) => tokenizer === undefined || namesOf(first?.columns.texts ?? {}).length > 0,
    {
      message: 'has no text to read: name one under columns.texts, or leave the tokenizer out',
      path: ['tokenizer'],
    },
  );
export type RiskConfig = z.infer<typeof riskConfigSchema>;
