import { HansaError } from '@hansa/shared/errors';
import { z } from 'zod';
import type { EngineName } from '../engines/engine.ts';
import { type Child, startChild } from './childProcess.ts';

/** An engine that sends nothing for this long while it starts is not usable; on a slow machine that is busy, loading one takes most of a minute. */
const SILENCE_MS = 120_000;

/** What a child says: that it is under way, that its engine has computed something, or that it cannot. */
const trialMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('engineStarting') }),
  z.strictObject({ type: z.literal('engineReady') }),
  z.strictObject({ type: z.literal('engineFailed'), reason: z.string() }),
]);
export type TrialMessage = z.infer<typeof trialMessageSchema>;

export interface TrialLimits {
  readonly signal?: AbortSignal | undefined;
  readonly silenceMs?: number;
}

export interface TrialOptions extends TrialLimits {
  /** What the child is told behind the engine's name. */
  readonly parameters?: readonly string[];
  /** Messages that follow `engineReady`. */
  readonly onMessage?: (message: unknown) => void;
  readonly onOutput?: (text: string) => void;
}

/**
 * Starts a child that runs on the engine `name` and waits until its engine has computed something. Where that fails, the child has ended.
 *
 * @param file its first argument is the engine's name; its first message a TrialMessage
 * @throws HansaError EngineUnusable (with the reason: a crash, a failure, or silence), Interrupted (when the signal aborts)
 */
export async function startOnEngine(file: URL, name: EngineName, options: TrialOptions = {}): Promise<Child> {
  const { signal, silenceMs = SILENCE_MS, parameters = [], onMessage, onOutput } = options;
  let child: Child | undefined;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const unusable = (reason: string) => reject(new HansaError('EngineUnusable', reason));
      onAbort = () => reject(interrupted());
      if (signal?.aborted) return onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      const listen = () => {
        clearTimeout(timer);
        timer = setTimeout(() => unusable(`it said nothing for ${silenceMs / 1000} s`), silenceMs);
      };
      listen();
      let ready = false;
      const started = startChild(
        file,
        [name, ...parameters],
        (message) => {
          if (ready) return onMessage?.(message);
          const trial = trialMessageSchema.safeParse(message);
          if (!trial.success) return unusable('it sent something unexpected');
          if (trial.data.type === 'engineStarting') return listen();
          if (trial.data.type === 'engineFailed') return unusable(trial.data.reason);
          ready = true;
          resolve();
        },
        onOutput,
      );
      child = started;
      void started.ended.then(unusable);
    });
  } catch (error) {
    child?.kill();
    await child?.ended;
    throw error;
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
  }
  return child as Child;
}

/**
 * Waits until a child has ended, and ends it where it takes too long or the signal aborts.
 *
 * @returns how it ended, in words
 * @throws HansaError Interrupted (when the signal aborts; the child has ended then)
 */
export async function endOf(child: Child, withinMs: number, signal?: AbortSignal): Promise<string> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill();
  }, withinMs);
  const onAbort = () => child.kill();
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    const reason = await child.ended;
    if (signal?.aborted) throw interrupted();
    return isLate ? `it gave no result within ${withinMs / 1000} s` : reason;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

const interrupted = () => new HansaError('Interrupted', 'Stopped while the training engine was being tried.');
