import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { HansaError } from '@hansa/shared/errors';

/** The version of Flower that is measured against, the newest when this was written. */
const flowerVersion = '1.41.0';

const folder = new URL(`../../../node_modules/.cache/hansa/flwr-${flowerVersion}/`, import.meta.url);

/**
 * The Python interpreter of an environment that holds Flower from PyPI, made on first use.
 *
 * HansaError ProcessFailed where there is no Python 3 with venv or the packages cannot be had.
 */
async function flowerPython(): Promise<string> {
  const complete = new URL('complete', folder);
  const python = fileURLToPath(new URL('bin/python', folder));
  if (existsSync(complete)) return python;
  process.stderr.write(`making a Python environment with flwr ${flowerVersion} from PyPI\n`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(new URL('..', folder), { recursive: true });
  await call(
    'python3',
    ['-m', 'venv', fileURLToPath(folder)],
    'No Python environment could be made; --peers needs Python 3 with venv.',
  );
  await call(
    python,
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `flwr==${flowerVersion}`],
    `Flower ${flowerVersion} could not be installed from PyPI; --peers needs the network, or leave it out.`,
  );
  writeFileSync(complete, '');
  return python;
}

/** Flower's code in a process of its own, which waits for work. */
export interface FlowerProcess {
  /** What its first line says about versions. */
  readonly versions: unknown;
  /** Gives it one line and awaits its answer, a line with a number. HansaError ProcessFailed. */
  ask(work: string): Promise<number>;
  end(): void;
}

/**
 * Starts a Python script that prints its versions as JSON and then answers each line on its standard input with a number.
 *
 * One thread, as on our side. HansaError ProcessFailed.
 */
export async function startFlower(script: URL): Promise<FlowerProcess> {
  const child = spawn(await flowerPython(), [fileURLToPath(script)], {
    env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', FLWR_TELEMETRY_ENABLED: '0' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true) throw new HansaError('ProcessFailed', "Flower's process ended early; its words are above.");
    return JSON.parse(value);
  };
  return {
    versions: await answer(),
    async ask(work) {
      child.stdin.write(`${work}\n`);
      return Number(await answer());
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
