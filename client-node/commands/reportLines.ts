import type { DataReport } from '../jobs/job.ts';

/** What cleaning did and what it found, as lines; with the names and values that the findings are about only where asked for, and never for a log. */
export function reportLines(
  { cleaning, findings }: DataReport,
  { examples }: { readonly examples: boolean },
): string[] {
  return [
    ...cleaning,
    ...findings.flatMap(({ kind, sentence, examples: shown }) => [
      `${kind}: ${sentence}`,
      ...(examples ? shown.map((example) => `  ${example}`) : []),
    ]),
  ];
}
