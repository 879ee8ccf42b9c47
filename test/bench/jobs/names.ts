/** The jobs that public data serves. */
export const benchedJobs = ['risk'] as const;

/** The data sets, by their folders. */
export const publicDataSets = ['scms_delivery', 'olist'] as const;
