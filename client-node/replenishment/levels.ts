/** The least and the largest service level: a forecast knows no quantile above. */
export const [LEAST_LEVEL, MOST_LEVEL] = [0.5, 0.99];
