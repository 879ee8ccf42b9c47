import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scratch } from '../data/scratch.ts';
import { replenishmentSchema } from './config.ts';
import { readStock } from './readStock.ts';

let room: Awaited<ReturnType<typeof scratch>>;
beforeEach(async () => {
  room = await scratch();
});
afterEach(() => room.remove());
const read = async (text: string, settings: object = {}) => [
  ...(await readStock(await room.write('stock.csv', text), replenishmentSchema.parse(settings))).values(),
];

describe('readStock', () => {
  it('takes columns of its own names where they are there, and the configuration for the rest', async () => {
    const [tea, cup] = await read(
      'item,location,onHand,unitCost,leadDays,serviceLevel,note\ntea,north,12,2.5,3,95 %,x\n"cup, old",north,-1,,,,\n',
      { leadDays: 10, leadSpreadDays: 2, packSize: 6 },
    );
    const rest = { leadSpreadDays: 2, packSize: 6, onOrder: 0, backorders: 0, minimumOrder: 0, reviewDays: 7, size: 1 };
    expect(tea).toMatchObject({
      ...rest,
      item: 'tea',
      location: 'north',
      onHand: 12,
      unitCost: 2.5,
      leadDays: 3,
      serviceLevel: 0.95,
    });
    expect(cup).toMatchObject({
      ...rest,
      item: 'cup, old',
      onHand: -1,
      unitCost: undefined,
      leadDays: 10,
      serviceLevel: undefined,
    });
  });

  it('reads columns by the configuration, and numbers as it says', async () => {
    const settings = {
      columns: { item: 'Artikel', onHand: 'Bestand', unitCost: 'Preis' },
      numbers: { decimal: ',', thousands: '.' },
    };
    const [tea] = await read('Artikel;Bestand;Preis\n0017;1.250;2,5\n', settings);
    expect(tea).toMatchObject({ item: '0017', location: '', onHand: 1250, unitCost: 2.5 });
  });

  it.each([
    [
      'a column that the configuration names and the file lacks',
      'item,onHand\ntea,1\n',
      { columns: { unitCost: 'cost' } },
      /no column "cost" \(unitCost\).*replenishment\.columns/,
    ],
    ['no column of stock', 'item,qty\ntea,1\n', {}, /no column "onHand"/],
    ['an empty cell of stock', 'item,onHand\ntea,1\ncup,\n', {}, /row 3, column "onHand".*Write 0/],
    ['a word', 'item,onHand\ntea,many\n', {}, /row 2, column "onHand": "many" is no number of units/],
    [
      'a pack of nothing',
      'item,onHand,packSize\ntea,1,0\n',
      {},
      /column "packSize": "0" is no number of units above 0/,
    ],
    [
      'a service level in per cent without the sign',
      'item,onHand,serviceLevel\ntea,1,95\n',
      {},
      /no service level from 0.5 to 0.99/,
    ],
    ['half a day between orders', 'item,onHand,reviewDays\ntea,1,1.5\n', {}, /no whole number of days/],
    ['units that are infinite', 'item,onHand\ntea,1e400\n', {}, /is no number of units/],
    ['points that may be thousands', 'item;onHand\ntea;1.250\n', {}, /replenishment\.numbers/],
    ['an item without a name', 'item,onHand\n,1\n', {}, /is no item/],
    [
      'an item twice',
      'item,onHand\ntea,1\ncup,2\ntea,3\n',
      {},
      /1 item with more than one line, the first in rows 2 and 4/,
    ],
    ['a header alone', 'item,onHand\n', {}, /header and no lines/],
  ])('refuses %s', async (_, text, settings, says) => {
    await expect(read(text, settings)).rejects.toMatchObject({
      code: 'InvalidData',
      message: expect.stringMatching(says),
    });
  });

  it('refuses a meaning that it does not know', () => {
    expect(replenishmentSchema.safeParse({ columns: { onhand: 'x' } }).success).toBe(false);
  });
});
