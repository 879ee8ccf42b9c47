import { cpus } from 'node:os';
import { engineNames, missingPart } from '@hansa/client-node/compute';
import type { DemoOptions } from '../options.ts';
import { expectedMinutes, type TrainingSettings } from '../settings.ts';
import type { ScreenState } from './state.ts';

/** What the screen knows before anything has begun. */
export function initialState(options: DemoOptions, training: TrainingSettings, startedMs: number): ScreenState {
  return {
    startedMs,
    engine: firstEngine(options.engine),
    cores: cpus().length,
    expectedMinutes: expectedMinutes(options, training, cpus().length),
    coordinator: undefined,
    rounds: options.rounds,
    pilot: undefined,
    stage: 'starting',
    running: undefined,
    losses: [],
    merchants: Array.from({ length: options.merchants }, (_, i) => ({
      id: `merchant-${i + 1}`,
      rows: undefined,
      activity: { kind: 'starting' },
      bytesSent: 0,
      bytesSendingNow: 0,
    })),
    story: [],
  };
}

/** The engine that will be tried first, told at once: loading it takes a second or more. */
function firstEngine(wanted: DemoOptions['engine']): ScreenState['engine'] {
  if (wanted !== 'auto') return { name: wanted, reason: 'asked for with --engine', tried: false };
  const missing = engineNames.map((name) => ({ name, part: missingPart(name) }));
  const first = missing.findIndex(({ part }) => part === undefined);
  const reasons = missing.slice(0, first).map(({ name, part }) => `${name} is not usable: ${part}`);
  return { name: missing[first]?.name ?? 'none', reason: reasons.join('; ') || 'the fastest one', tried: false };
}
