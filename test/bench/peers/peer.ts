import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { HansaError } from '@hansa/shared/errors';

/** Somebody else's code that is measured beside ours, in a Python environment of its own from PyPI. */
export interface Peer {
  readonly name: string;
  /** As pip takes them, versions pinned to the newest when this was written. */
  readonly packages: readonly [string, ...string[]];
  /** The peer whose environment it is added to, so that PyTorch's gigabytes are there once. */
  readonly within?: Peer;
}

export const flower: Peer = { name: 'Flower', packages: ['flwr==1.41.0'] };
export const pytorch: Peer = { name: 'PyTorch', packages: ['torch==2.15.0', 'numpy==2.4.6'] };

/**
 * The Python interpreter of an environment that holds a peer's packages, made on first use.
 *
 * @throws HansaError ProcessFailed (when there is no Python 3 with venv, or the packages cannot be had)
 */
async function pythonOf(peer: Peer): Promise<string> {
  const { name, packages, within } = peer;
  const host = within ?? peer;
  const folder = new URL(`../../../node_modules/.cache/hansa/${host.packages[0].replace('==', '-')}/`, import.meta.url);
  const complete = new URL(within === undefined ? 'complete' : `complete-${packages[0].replace('==', '-')}`, folder);
  const python = fileURLToPath(new URL('bin/python', folder));
  if (existsSync(complete)) return python;
  if (within === undefined) {
    process.stderr.write(`making a Python environment with ${packages.join(', ')} from PyPI\n`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(new URL('..', folder), { recursive: true });
    await call(
      'python3',
      ['-m', 'venv', fileURLToPath(folder)],
      'No Python environment could be made; it needs Python 3 with venv.',
    );
  } else {
    await pythonOf(within);
    process.stderr.write(`adding ${packages.join(', ')} from PyPI to a Python environment\n`);
  }
  await call(
    python,
    // What the host is pinned to stays as it is.
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages, ...(within?.packages ?? [])],
    `${name} could not be installed from PyPI, which needs the network.`,
  );
  writeFileSync(complete, '');
  return python;
}

/** A peer's code in a process of its own, which waits for work. */
export interface PeerProcess {
  /** What its first line says about versions. */
  readonly versions: unknown;
  /** Gives it one line and awaits its answer, a line of JSON. @throws HansaError ProcessFailed */
  ask(work: string): Promise<unknown>;
  end(): void;
}

/**
 * Starts a Python script that prints its versions as JSON and then answers each line on its standard input with one of JSON.
 *
 * With so many threads, as on our side.
 *
 * @throws HansaError ProcessFailed
 */
export async function startPeer(peer: Peer, script: URL, threads = 1): Promise<PeerProcess> {
  const count = String(threads);
  const child = spawn(await pythonOf(peer), [fileURLToPath(script)], {
    env: { ...process.env, OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count, FLWR_TELEMETRY_ENABLED: '0' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true)
      throw new HansaError('ProcessFailed', `${peer.name}'s process ended early; its words are above.`);
    return JSON.parse(value);
  };
  return {
    versions: await answer(),
    async ask(work) {
      child.stdin.write(`${work}\n`);
      return answer();
    },
    end() {
      child.stdin.end();
    },
  };
}

async function call(file: string, parameters: readonly string[], otherwise: string): Promise<void> {
  try {
    await promisify(execFile)(file, parameters);
  } catch (error) {
    const said = error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error);
    throw new HansaError('ProcessFailed', `${otherwise} (${said})`);
  }
}
