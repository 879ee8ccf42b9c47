import { z } from 'zod';
import { numbersSchema } from '../data/numbers.ts';
import { columnName } from '../data/sourceSchema.ts';
import { LEAST_LEVEL, MOST_LEVEL } from './levels.ts';

/** Columns of a stock file by what they mean. */
export const stockMeanings = [
  'item',
  'location',
  'onHand',
  'onOrder',
  'backorders',
  'unitCost',
  'leadDays',
  'leadSpreadDays',
  'reviewDays',
  'packSize',
  'minimumOrder',
  'holdingCost',
  'shortageCost',
  'serviceLevel',
  'size',
] as const;
export type StockMeaning = (typeof stockMeanings)[number];

const most = 1e9;
const days = z.number().min(0).max(3650);

/** The entry `replenishment` in a node's configuration: what holds for items whose line in the stock file says nothing else. */
export const replenishmentSchema = z
  .strictObject({
    columns: z
      .partialRecord(z.enum(stockMeanings), columnName)
      .default({})
      .describe(
        "The stock file's columns by what they mean; a meaning that is not named is in the column of its own name, if there is one",
      ),
    numbers: numbersSchema.optional().describe('How its numbers are written'),
    leadDays: days.default(7).describe('Days from an order to its arrival'),
    leadSpreadDays: days.default(0).describe('Standard deviation of these, in days'),
    reviewDays: z.int().min(1).max(366).default(7).describe('Days between two chances to order'),
    packSize: z.number().positive().max(most).default(1).describe('Units in a pack'),
    minimumOrder: z.number().min(0).max(most).default(0).describe('The fewest units of an order'),
    holdingShare: z
      .number()
      .positive()
      .max(100)
      .default(0.25)
      .describe('What it costs to hold a unit for a year, as a share of what it costs to buy'),
    serviceLevel: z
      .number()
      .min(LEAST_LEVEL)
      .max(MOST_LEVEL)
      .default(0.95)
      .describe('Probability that stock lasts until the next order can arrive'),
    highDays: z
      .number()
      .positive()
      .max(3650)
      .default(28)
      .describe('Stock is high from so many days of expected demand above what is wanted'),
    calm: z
      .number()
      .min(0)
      .max(1)
      .default(0.05)
      .describe(
        'A proposal of the plan before stays unless its expected cost is above that of the best one by more than this share',
      ),
  })
  .refine(({ leadDays, leadSpreadDays }) => leadDays > 0 || leadSpreadDays === 0, {
    message: 'must be 0 where leadDays is 0',
    path: ['leadSpreadDays'],
  });
export type ReplenishmentConfig = z.output<typeof replenishmentSchema>;
