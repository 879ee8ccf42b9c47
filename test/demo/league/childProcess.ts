import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { HansaError } from '@hansa/shared/errors';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of the demo: the coordinator, a node, or a command that runs once. */
export interface DemoProcess {
  /** As a person would say it: 'the node of merchant-3'. */
  readonly name: string;
  readonly pid: number;
  /** Everything the process says on standard error. */
  readonly log: string;
  readonly exited: Promise<Exit>;
  /** Standard output so far. */
  output(): string;
  running(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** Asks it to end, and ends it with everything it started when it has not done so within `graceMs`. */
  stop(graceMs?: number): Promise<void>;
  /** Lets the demo end while the process goes on. */
  release(): void;
}

/** The processes that the demo started; what is stopped when it ends, however it ends. */
export interface ProcessGroup {
  /**
   * Starts a command line of this repository.
   *
   * @param program options of Node and the path of a committed .mjs shim.
   * @param log file that its standard error is added to.
   */
  start(name: string, program: readonly string[], args: readonly string[], log: string): DemoProcess;
  stopAll(): Promise<void>;
  /** Ends all at once, without asking. */
  killAll(): void;
  releaseAll(): void;
}

export function createProcessGroup(folder: string): ProcessGroup {
  const processes = new Set<DemoProcess>();
  let stopping = false;
  return {
    start(name, program, args, log) {
      // Whatever was about to start one has not heard yet that all is over: nothing would ever stop it.
      if (stopping) throw new HansaError('Interrupted', 'The demo is stopping.');
      const descriptor = openSync(log, 'a', 0o600);
      // Not a pipe: with --keep the process outlives the demo and must still have somewhere to write.
      const answer = `${log}.answer`;
      const output = openSync(answer, 'w', 0o600);
      // A group of its own: an interrupt of the terminal reaches the demo alone, which then stops its children in order.
      const child = spawn(process.execPath, [...program, ...args], {
        cwd: folder,
        detached: true,
        stdio: ['ignore', output, descriptor],
      });
      closeSync(descriptor);
      closeSync(output);
      const exited = new Promise<Exit>((resolve) => {
        child.once('error', () => resolve({ code: null, signal: null }));
        child.once('exit', (code, signal) => resolve({ code, signal }));
      });
      const { pid } = child;
      if (pid === undefined)
        throw new HansaError('ProcessFailed', `${name} could not be started (${program.join(' ')}).`);
      const running = (): boolean => child.exitCode === null && child.signalCode === null;
      const started: DemoProcess = {
        name,
        pid,
        log,
        exited,
        output: () => readFileSync(answer, 'utf8'),
        running,
        kill: (signal) => void child.kill(signal),
        async stop(graceMs = 6_000) {
          if (running()) child.kill('SIGTERM');
          let timer: NodeJS.Timeout | undefined;
          const late = new Promise<void>((resolve) => {
            timer = setTimeout(resolve, graceMs);
          });
          await Promise.race([exited, late]);
          clearTimeout(timer);
          killGroup(pid);
          await exited;
        },
        release: () => child.unref(),
      };
      processes.add(started);
      void exited.then(() => processes.delete(started));
      return started;
    },
    stopAll: async () => {
      stopping = true;
      await Promise.all([...processes].map((each) => each.stop()));
    },
    killAll: () => {
      for (const { pid } of processes) killGroup(pid);
    },
    releaseAll: () => {
      for (const each of processes) each.release();
    },
  };
}

/** Ends what is left of a process's group; nothing is left in the good case. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits for a command that runs once and gives its JSON answer. @throws HansaError ProcessFailed (with what it said last) */
export async function answerOf(command: DemoProcess): Promise<unknown> {
  const { code, signal } = await command.exited;
  if (code !== 0) throw processFailed(command, { code, signal });
  try {
    return JSON.parse(command.output());
  } catch {
    throw new HansaError('ProcessFailed', `${command.name} did not answer with JSON.`, { log: command.log });
  }
}

/** The error that says which process ended, how, and what it said last. */
export function processFailed(from: DemoProcess, { code, signal }: Exit): HansaError {
  const how = signal === null ? `with status ${code}` : `by ${signal}`;
  const last = lastLines(from.log, 3);
  return new HansaError('ProcessFailed', `It ended ${how}${last === '' ? '.' : `: ${last}`}`, {
    who: from.name,
    log: from.log,
  });
}

function lastLines(path: string, count: number): string {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count);
  return lines.map(messageOf).join('\n').slice(-1500);
}

/** A log line as a person reads it: the message of a JSON line, or the line itself. */
function messageOf(line: string): string {
  try {
    const { msg, err } = JSON.parse(line) as { msg?: string; err?: { message?: string } };
    return [msg, err?.message].filter((part) => part !== undefined).join(': ') || line;
  } catch {
    return line;
  }
}
