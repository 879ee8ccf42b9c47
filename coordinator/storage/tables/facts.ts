import type { Reader, Writer } from './schema.ts';

/** One fact by its key. */
export async function factOf(db: Reader, key: string): Promise<string | undefined> {
  const row = await db.selectFrom('facts').select('value').where('key', '=', key).executeTakeFirst();
  return row?.value;
}

/** Keeps a fact unless the key has one; returns the one that is kept. */
export async function keepFirstFact(db: Writer, key: string, proposal: string): Promise<string> {
  await db
    .insertInto('facts')
    .values({ key, value: proposal })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return (await factOf(db, key)) ?? proposal;
}

/** Sets a fact, whatever it was. */
export async function setFact(db: Writer, key: string, value: string): Promise<void> {
  await db
    .insertInto('facts')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}
