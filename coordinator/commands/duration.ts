import { HansaError } from '@hansa/shared/errors';

const unitsMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** '90s', '30m', '24h' or '7d' in milliseconds. @throws HansaError InvalidArgument */
export function parseDurationMs(text: string, option: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text.trim());
  const unitMs = unitsMs[match?.[2] ?? ''];
  if (match === null || unitMs === undefined || Number(match[1]) === 0) {
    throw new HansaError('InvalidArgument', `${option} takes a length of time such as 30m, 24h or 7d, not "${text}".`);
  }
  return Number(match[1]) * unitMs;
}
