import { systemClock } from '@hansa/shared/clock';
import { HansaError, toProblem } from '@hansa/shared/errors';
import { type LogLevel, logLevels } from '@hansa/shared/log';
import { systemRandom } from '@hansa/shared/random';
import { CommanderError } from 'commander';
import type { CommandContext } from './commands/context.ts';
import { createOutput, reportError, type Terminal } from './commands/output.ts';
import { createProgram } from './commands/program.ts';
import { fetchThroughProxies, proxyVariables } from './session/transport/outgoingProxy.ts';

/** The most that setInterval takes: it fires about every 24 days and only keeps the process alive. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * `hansa-client`: runs one command line and gives its exit status: 0 done, 1 failed, 2 bad input, 130 interrupted.
 *
 * Environment: HANSA_LOG_LEVEL (debug, info, warn, error or silent; info unless said otherwise); HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const terminal: Terminal = process;
  // A reader that has gone (a pipe into head) is no fault; whatever else is wrong with the stream, there is nowhere to say it.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const output = createOutput(terminal, argv.includes('--json'));
  const stopping = new AbortController();
  // The second time the person means it: whatever still holds on is left to the operating system.
  const onSignal = () => (stopping.signal.aborted ? process.exit(130) : stopping.abort(interrupted()));
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal);
  // The system clock's timers keep no process alive, and neither does a promise.
  const alive = setInterval(() => undefined, LONGEST_TIMER_MS);
  try {
    const context: CommandContext = {
      output,
      clock: systemClock,
      random: systemRandom,
      logLevel: logLevelOf(process.env.HANSA_LOG_LEVEL),
      signal: stopping.signal,
    };
    if (proxyVariables.some((name) => Boolean(process.env[name]))) await fetchThroughProxies();
    let status = 0;
    const program = createProgram(async (action) => {
      status = await action(context);
    });
    await program.parseAsync([...argv], { from: 'user' });
    output.progressDone();
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return usageError(error, output);
    return reportError(error, output, stopping.signal.aborted);
  } finally {
    clearInterval(alive);
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal);
  }
}

/** Commander has written its own text already: help to standard output, a fault of usage to standard error. */
function usageError(error: CommanderError, output: ReturnType<typeof createOutput>): number {
  if (error.exitCode === 0) return 0;
  output.document(toProblem(new HansaError('InvalidArgument', error.message)));
  return 2;
}

function logLevelOf(value: string | undefined): LogLevel {
  const level = logLevels.find((name) => name === (value ?? 'info'));
  if (level !== undefined) return level;
  throw new HansaError('InvalidConfig', `HANSA_LOG_LEVEL is "${value}"; it is one of ${logLevels.join(', ')}.`);
}

const interrupted = (): HansaError => new HansaError('Interrupted', 'The command was interrupted.');
