import { z } from 'zod';
import { timeZoneSchema } from '../../data/dates.ts';
import { columnName, dateSchema, hasDates, maxMemorySchema, sourceSchemaOf } from '../../data/sourceSchema.ts';

/** How long a period is. */
const frequencySchema = z.enum(['day', 'week', 'month']);
export type Frequency = z.infer<typeof frequencySchema>;

/** What a frequency fixes: periods in the forecast, patches that hold them, periods in a season. */
export interface FrequencyShape {
  readonly horizonPeriods: number;
  readonly futurePatches: number;
  readonly season: number;
}

export const frequencyShapes: Readonly<Record<Frequency, FrequencyShape>> = {
  day: { horizonPeriods: 28, futurePatches: 4, season: 7 },
  week: { horizonPeriods: 8, futurePatches: 2, season: 52 },
  month: { horizonPeriods: 6, futurePatches: 1, season: 12 },
};

/** Which column of an order file means what. A column that is not named is not read. */
const columnsSchema = z.strictObject({
  date: columnName.describe('Day of the sale: YYYY-MM-DD or YYYY/MM/DD, a time of day may follow'),
  item: columnName.describe('What was sold: an article number or a name'),
  quantity: columnName.describe(
    'Units sold; a line with quantity 0 states price, promotion or stock of a day without a sale',
  ),
  order: columnName
    .optional()
    .describe('Order or invoice number: with it a line that occurs twice is a duplicate for certain'),
  merchant: columnName.optional().describe('Whose sale it is, in a file of several merchants'),
  location: columnName.optional().describe('Shop or warehouse: each has a series of its own'),
  price: columnName.optional().describe('Unit price, above 0'),
  promotion: columnName.optional().describe('true or false, or a share 0..1'),
  stock: columnName.optional().describe('Units on hand'),
  soldOut: columnName
    .optional()
    .describe(
      'Whether the item was sold out, true or false, or the share 0..1 of the day in which it was: the units sold are then a lower bound of demand',
    ),
  category: columnName
    .optional()
    .describe('What kind of article it is: equal kinds mean the same at every member of a league'),
  text: columnName
    .optional()
    .describe("What the item is called in words: used to name it on the merchant's own screen"),
});
export type Columns = z.infer<typeof columnsSchema>;

const sourceSchema = sourceSchemaOf(columnsSchema);

/** Which column of a plan file means what. */
const planColumnsSchema = z
  .strictObject({
    date: columnName.describe('Day that is planned'),
    item: columnName.optional().describe('Empty, or not named: the line holds for every item'),
    location: columnName.optional().describe('Empty, or not named: the line holds for every location'),
    price: columnName.optional().describe('Unit price, above 0'),
    promotion: columnName.optional().describe('true or false, or a share 0..1'),
    closed: columnName.optional().describe('Whether the shop is closed: true or false, or the share of the day'),
    known: columnName.optional().describe('Day on which this was known; without it, always'),
  })
  .refine(({ price, promotion, closed }) => price !== undefined || promotion !== undefined || closed !== undefined, {
    message: 'must name a column that is planned: price, promotion or closed',
  });
export type Source = z.infer<typeof sourceSchema>;

/** The entry for demand under `data` in a node's configuration: order files, what their columns mean, and the days that split them. */
export const dataConfigSchema = z
  .strictObject({
    job: z.literal('demand').default('demand').describe('The job that this entry is for'),
    sources: z.array(sourceSchema).min(1).max(100).describe('Where the order lines are'),
    merchant: z.string().min(1).max(200).optional().describe('Keeps the lines whose merchant column has this value'),
    frequency: frequencySchema.describe('How long a period is: forecasts are 28 days, 8 weeks or 6 months ahead'),
    returns: z
      .enum(['negative', 'none'])
      .describe('`negative`: a negative quantity is a return; `none`: it is a fault of the file'),
    maxMemoryBytes: maxMemorySchema
      .optional()
      .describe(
        "The most memory that reading the files may take, in bytes; a quarter of the machine's without it. More than that goes to the disk",
      ),
    holidays: z
      .strictObject({
        country: z.string().min(2).max(10).describe('Of ISO 3166, such as DE'),
        region: z.string().min(1).max(10).optional().describe('Of the country, such as BY'),
      })
      .optional()
      .describe('Public holidays where the shop is: they are known ahead'),
    plan: sourceSchemaOf(planColumnsSchema)
      .optional()
      .describe('A file of what is planned, past and ahead: prices, promotions, closed days'),
    timeZone: timeZoneSchema
      .optional()
      .describe(
        'Where days begin and end, for dates that are instants; without it such dates count as they are written, or as days in UTC',
      ),
    validFrom: dateSchema
      .optional()
      .describe(
        'First day that is held out, to choose learning rates and models; without it and testFrom the last 30 % of the periods are, half of them to test',
      ),
    testFrom: dateSchema
      .optional()
      .describe('First day that is only for scores: nothing is learned or chosen from it on'),
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
  .refine((config) => config.merchant === undefined || everySourceNames(config.sources, 'merchant'), {
    message: 'asks for one merchant, so that every source must name its merchant column (columns.merchant)',
    path: ['merchant'],
    when: ({ value }) => z.object({ merchant: z.string(), sources: z.array(sourceSchema) }).safeParse(value).success,
  });
export type DataConfig = z.infer<typeof dataConfigSchema>;

function everySourceNames(sources: readonly Source[], column: keyof Columns): boolean {
  return sources.every((source) => source.columns[column] !== undefined);
}
