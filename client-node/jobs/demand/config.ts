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
  /** Day of the sale: YYYY-MM-DD or YYYY/MM/DD, a time of day may follow. */
  date: columnName,
  item: columnName,
  /** Units sold; a line with quantity 0 states price, promotion or stock of a day without a sale. */
  quantity: columnName,
  /** Order or invoice number: with it a line that occurs twice is a duplicate for certain. */
  order: columnName.optional(),
  merchant: columnName.optional(),
  location: columnName.optional(),
  /** Unit price, above 0. */
  price: columnName.optional(),
  /** true or false, or a share 0..1. */
  promotion: columnName.optional(),
  /** Units on hand. */
  stock: columnName.optional(),
  /** Whether the item was sold out, true or false, or the share 0..1 of the day in which it was: the units sold are then a lower bound of demand. */
  soldOut: columnName.optional(),
  category: columnName.optional(),
  /** What the item is called in words: used to name it on the merchant's own screen. */
  text: columnName.optional(),
});
export type Columns = z.infer<typeof columnsSchema>;

const sourceSchema = sourceSchemaOf(columnsSchema);

/** Which column of a plan file means what. */
const planColumnsSchema = z
  .strictObject({
    /** Day that is planned. */
    date: columnName,
    /** Empty, or not named: the line holds for every item. */
    item: columnName.optional(),
    /** Empty, or not named: the line holds for every location. */
    location: columnName.optional(),
    /** Unit price, above 0. */
    price: columnName.optional(),
    /** true or false, or a share 0..1. */
    promotion: columnName.optional(),
    /** Whether the shop is closed: true or false, or the share of the day. */
    closed: columnName.optional(),
    /** Day on which this was known; without it, always. */
    known: columnName.optional(),
  })
  .refine(({ price, promotion, closed }) => price !== undefined || promotion !== undefined || closed !== undefined, {
    message: 'must name a column that is planned: price, promotion or closed',
  });
export type Source = z.infer<typeof sourceSchema>;

/** The entry for demand under `data` in a node's configuration: order files, what their columns mean, and the days that split them. */
export const dataConfigSchema = z
  .strictObject({
    job: z.literal('demand').default('demand'),
    sources: z.array(sourceSchema).min(1).max(100),
    /** Keeps the lines whose merchant column has this value. */
    merchant: z.string().min(1).max(200).optional(),
    frequency: frequencySchema,
    /** `negative`: a negative quantity is a return; `none`: it is a fault of the file. */
    returns: z.enum(['negative', 'none']),
    /** The most memory that reading the files may take, in bytes; a quarter of the machine's without it. More than that goes to the disk. */
    maxMemoryBytes: maxMemorySchema.optional(),
    /** Public holidays of the shop's country (ISO 3166, such as DE) and of a region of it (such as BY): they are known ahead. */
    holidays: z
      .strictObject({ country: z.string().min(2).max(10), region: z.string().min(1).max(10).optional() })
      .optional(),
    /** A file of what is planned, past and ahead: prices, promotions, closed days. */
    plan: sourceSchemaOf(planColumnsSchema).optional(),
    /** Where days begin and end, for dates that are instants; without it such dates count as they are written, or as days in UTC. */
    timeZone: timeZoneSchema.optional(),
    /** Days that split the data; without them the last 30 % are held out, half of them to validate and half to test. */
    validFrom: dateSchema.optional(),
    testFrom: dateSchema.optional(),
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
