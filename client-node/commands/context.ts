import type { Clock } from '@hansa/shared/clock';
import type { LogLevel } from '@hansa/shared/log';
import type { RandomSource } from '@hansa/shared/random';
import type { Output } from './output.ts';

/** What `main` passes to every command. */
export interface CommandContext {
  readonly output: Output;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logLevel: LogLevel;
  /** Aborts when a person stops the command. */
  readonly signal: AbortSignal;
}
