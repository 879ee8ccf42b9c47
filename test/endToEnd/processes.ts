import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { repositoryRoot } from '../sourceCopy/repositoryRoot.ts';

/** Options of Node, as the program's first line has them, and the script from the repository's root. */
const programs = {
  coordinator: { options: ['--max-semi-space-size=1'], script: 'coordinator/bin/hansa-coordinator.mjs' },
  client: { options: [], script: 'client-node/bin/hansa-client.mjs' },
  syntheticNode: { options: [], script: 'test/bench/round/syntheticNode.mjs' },
};

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line of the project that is running. */
export class RunningCommand {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly finished: Promise<Finished>;

  constructor(program: keyof typeof programs, args: readonly string[], where: { cwd: string; root: string }) {
    const { options, script } = programs[program];
    this.child = spawn(process.execPath, [...options, join(where.root, script), ...args], {
      cwd: where.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.finished = once(this.child, 'close').then(([status]) => ({
      status: status as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** The JSON document of a command that goes on after it has printed one; rejects with all it wrote where it ends without. */
  async document(): Promise<unknown> {
    const { stdout } = this.child;
    const ended = this.finished.then(({ stdout, stderr }) => {
      throw new Error(`the command ended without a document:\n${stdout}\n${stderr}`);
    });
    ended.catch(() => undefined);
    while (!this.stdout.includes('\n')) await Promise.race([once(stdout!, 'data'), ended]);
    return JSON.parse(this.stdout);
  }
}

/** The processes of one test: all are gone when it is over. */
export class Processes {
  readonly #cwd: string;
  readonly #root: string;
  readonly #commands = new Set<RunningCommand>();

  /** Commands start in `cwd`, from the source in `root`. */
  constructor(cwd: string, root = repositoryRoot) {
    this.#cwd = cwd;
    this.#root = root;
  }

  start(program: keyof typeof programs, ...args: string[]): RunningCommand {
    const command = new RunningCommand(program, args, { cwd: this.#cwd, root: this.#root });
    this.#commands.add(command);
    void command.finished.then(() => this.#commands.delete(command));
    return command;
  }

  run(program: keyof typeof programs, ...args: string[]): Promise<Finished> {
    return this.start(program, ...args).finished;
  }

  /** The JSON document of a command that is expected to succeed. */
  async answer<T>(program: keyof typeof programs, ...args: string[]): Promise<T> {
    const { status, stdout, stderr } = await this.run(program, ...args, '--json');
    if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}:\n${stdout}\n${stderr}`);
    return JSON.parse(stdout) as T;
  }

  async end(): Promise<void> {
    const running = [...this.#commands];
    for (const { child } of running) child.kill('SIGKILL');
    await Promise.all(running.map(({ finished }) => finished));
  }
}

/** The process ids of a process's children. */
export function childrenOf(pid: number): number[] {
  const listed = execFileSync('ps', ['-eo', 'pid=,ppid=']).toString().trim().split('\n');
  return listed
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child ?? 0);
}
