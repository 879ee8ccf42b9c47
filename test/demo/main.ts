import { join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { createProcessGroup } from './league/childProcess.ts';
import { type DemoOptions, parseOptions } from './options.ts';
import { runDemo } from './run.ts';
import { initialState } from './screen/initialState.ts';
import { renderEnding, renderFailure } from './screen/render.ts';
import { createScreen, type Screen } from './screen/screen.ts';
import { standardTraining } from './settings.ts';
import type { Mapping } from './silos/mapping.ts';

/** The processes of the demo run in the repository's root, wherever the person stands. */
const root = join(import.meta.dirname, '../..');

/**
 * The demo's command line.
 *
 * @returns exit status: 0 done, 1 failed, 2 bad input, 130 interrupted.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const startedMs = performance.timeOrigin;
  let options: DemoOptions;
  let mapping: Mapping | undefined;
  try {
    const parsed = parseOptions(argv, process.cwd());
    if (parsed.kind === 'help') {
      process.stdout.write(parsed.text);
      return 0;
    }
    options = parsed.options;
    if (options.data !== undefined) {
      const { readMapping } = await import('./silos/mapping.ts');
      mapping = readMapping(options.data, options.mapping);
    }
  } catch (error) {
    return explain(error);
  }

  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new HansaError('Interrupted', 'The demo was interrupted.'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  const processes = createProcessGroup(root);
  // At once: whatever the demo is waiting for is one of them.
  interrupted.signal.addEventListener('abort', () => void processes.stopAll(), { once: true });
  // The last net, for an exit that nothing else foresaw.
  const net = (): void => processes.killAll();
  process.on('exit', net);

  const state = initialState(options, standardTraining, startedMs);
  let screen: Screen | undefined;
  try {
    screen = createScreen(state, process.stdout);
    const ending = await runDemo(options, mapping, argv, {
      state,
      screen,
      processes,
      signal: interrupted.signal,
      training: standardTraining,
    });
    if (options.keep) {
      processes.releaseAll();
      process.off('exit', net);
    } else await processes.stopAll();
    screen.finish(renderEnding(ending));
    return ending.sumExact ? 0 : 1;
  } catch (error) {
    screen?.finish(interrupted.signal.aborted ? ['Interrupted. Stopping every process of the demo.'] : []);
    await processes.stopAll();
    return interrupted.signal.aborted ? 130 : explain(error, options.out);
  }
}

/** Says on standard error which process failed, why and where its log is, or what is wrong with the input. */
function explain(error: unknown, out?: string): number {
  const known = error instanceof HansaError ? error : undefined;
  const { who, log } = known?.code === 'ProcessFailed' || known?.code === 'Timeout' ? known.details : {};
  const why = known?.message ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
  const status = known?.exitStatus ?? 1;
  const heading = status === 2 && who === undefined ? 'BAD INPUT' : `FAILED: ${who ?? 'the demo itself'}`;
  process.stderr.write(`${renderFailure({ heading, why, log: log ?? (status === 2 ? undefined : out) }).join('\n')}\n`);
  return status;
}
