const MOST_EXAMPLES = 20;

/** The first of the examples, and how many more there are. */
export function listed(examples: readonly string[]): string[] {
  const more = examples.length - MOST_EXAMPLES;
  return more <= 0 ? [...examples] : [...examples.slice(0, MOST_EXAMPLES), `and ${more} more`];
}
