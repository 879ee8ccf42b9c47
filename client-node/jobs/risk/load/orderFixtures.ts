import { seededNumbers } from '@hansa/shared/random';
import { isoDate } from '../../../data/days.ts';
import { type RiskConfig, riskConfigSchema } from '../config.ts';

/** The columns of {@link lateOrders}. */
export const HEADER = 'id,ordered,promised,delivered,vendor,mode,kilos,item';

/** First day of an order, as a day number. */
export const FIRST_DAY = Date.parse('2024-01-01') / 86_400_000;

/** Made-up orders of one merchant, three a day: one of four vendors is mostly late, and heavy orders by sea are. The same for the same seed. */
export function lateOrders(seed: string, days = 200): string[] {
  const drawn = seededNumbers(`late orders/${seed}`);
  return Array.from({ length: 3 * days }, (_, order) => {
    const day = FIRST_DAY + Math.floor(order / 3);
    const vendor = Math.floor(4 * drawn.uniform());
    const mode = drawn.uniform() < 0.3 ? 'Sea' : 'Air';
    const kilos = Math.round(Math.exp(3 + drawn.truncatedNormal()));
    const promised = day + 5 + Math.floor(20 * drawn.uniform());
    const logit = -3 + (vendor === 0 ? 3 : 0) + (mode === 'Sea' && kilos > 25 ? 2 : 0);
    const isLate = drawn.uniform() < 1 / (1 + Math.exp(-logit));
    const delivered = isLate
      ? promised + 1 + Math.floor(9 * drawn.uniform())
      : promised - Math.floor(4 * drawn.uniform());
    const dates = [day, promised, Math.max(day, delivered)].map(isoDate);
    return [`o${order}`, ...dates, `Vendor ${vendor}`, mode, kilos, `Item ${order % 7} in boxes`].join(',');
  });
}

/** The configuration of `orders.csv` with these columns, validated from 2024-06-01 and tested from 2024-07-01. */
export function riskConfig({ columns, ...changes }: { columns?: object; [key: string]: unknown } = {}): RiskConfig {
  return riskConfigSchema.parse({
    job: 'risk',
    sources: [
      {
        file: 'orders.csv',
        columns: {
          order: 'id',
          ordered: 'ordered',
          promised: 'promised',
          delivered: 'delivered',
          numbers: { weight: 'kilos' },
          categories: { vendor: 'vendor', mode: 'mode' },
          texts: { item: 'item' },
          ...columns,
        },
      },
    ],
    validFrom: '2024-06-01',
    testFrom: '2024-07-01',
    ...changes,
  });
}
