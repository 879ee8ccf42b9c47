/** The public data sets that stock is replayed on, by their folders. */
export const replayedSets = ['iowa_liquor', 'walmart_store_sales', 'online_retail'] as const;
