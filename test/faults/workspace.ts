import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../sourceCopy/repositoryRoot.ts';
import { SourceCopy } from '../sourceCopy/sourceCopy.ts';

/** What the suite and all that it imports lie in. */
const packages = ['shared', 'aggregation'] as const;

/** What one run of the suite told. */
export interface SuiteRun {
  readonly seconds: number;
  readonly tests: number;
  readonly passed: boolean;
  /** Whether it was ended because it took too long. */
  readonly timedOut: boolean;
  /** The first test that failed, as "file > its name". */
  readonly failed: string | undefined;
  /** Where nothing can be said: what went wrong beside the tests. */
  readonly trouble: string | undefined;
}

interface JsonReport {
  readonly numTotalTests: number;
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** A copy of the source in which a suite of tests runs. */
export class Workspace extends SourceCopy {
  #child: ChildProcess | undefined;

  constructor() {
    super(packages);
  }

  /** Runs test files in their order on `threads` threads, until the first that fails where one is enough. */
  async run(
    files: readonly string[],
    threads: number,
    stopAtFirst: boolean,
    timeoutSeconds: number,
  ): Promise<SuiteRun> {
    const config = join(this.root, 'vitest.config.mjs');
    const report = join(this.root, 'report.json');
    rmSync(report, { force: true });
    writeFileSync(config, configOf(files, threads));
    writeFileSync(join(this.root, 'setup.mjs'), setup);
    const startedAt = performance.now();
    const bail = stopAtFirst ? ['--bail', '1'] : [];
    const options = ['--config', config, '--reporter', 'json', '--outputFile', report, ...bail];
    const output = await this.#vitest(options, timeoutSeconds);
    const seconds = (performance.now() - startedAt) / 1000;
    if (!existsSync(report))
      return {
        seconds,
        tests: 0,
        passed: false,
        timedOut: seconds >= timeoutSeconds,
        failed: undefined,
        trouble: output.trim().slice(-2000) || 'no report',
      };
    return { seconds, timedOut: false, ...this.#read(JSON.parse(readFileSync(report, 'utf8')), output) };
  }

  #read({ success, numTotalTests, testResults }: JsonReport, output: string): Omit<SuiteRun, 'seconds' | 'timedOut'> {
    const failures = testResults.flatMap(({ name, assertionResults }) =>
      assertionResults
        .filter(({ status }) => status === 'failed')
        .map(({ fullName }) => `${name.slice(this.root.length + 1)} > ${fullName}`),
    );
    const unread = testResults.find(
      ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
    );
    const failed = failures[0];
    const trouble = failed !== undefined || success ? undefined : (unread?.message ?? output.trim().slice(-2000));
    return { tests: numTotalTests, passed: success, failed, trouble };
  }

  /** Runs vitest to its end, or to the end of its time, and gives what it said. */
  async #vitest(options: readonly string[], timeoutSeconds: number): Promise<string> {
    const program = join(repositoryRoot, 'node_modules/vitest/vitest.mjs');
    const child = spawn(process.execPath, [program, 'run', '--root', this.root, ...options], {
      cwd: this.root,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutSeconds * 1000,
      killSignal: 'SIGKILL',
    });
    this.#child = child;
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
    this.#child = undefined;
    return output;
  }

  /** Ends what runs in it, and removes it. */
  override remove(): void {
    this.#child?.kill('SIGKILL');
    super.remove();
  }
}

/** That a property fails is enough: to look for its smallest counterexample can take minutes. */
const setup = `
import fc from 'fast-check';

fc.configureGlobal({ endOnFailure: true });
`;

/** One module cache for all files of a thread: most of a short run would be spent on loading the same modules again. */
const configOf = (files: readonly string[], threads: number): string => `
import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';

const files = ${JSON.stringify(files)};
const place = ({ moduleId }) => files.findIndex((file) => moduleId.endsWith('/' + file));

export default defineConfig({
  test: {
    include: files,
    setupFiles: ['./setup.mjs'],
    pool: 'threads',
    isolate: false,
    maxWorkers: ${threads},
    testTimeout: 60_000,
    hookTimeout: 60_000,
    sequence: {
      sequencer: class extends BaseSequencer {
        async sort(specifications) {
          return [...specifications].sort((left, right) => place(left) - place(right));
        }
      },
    },
  },
});
`;
