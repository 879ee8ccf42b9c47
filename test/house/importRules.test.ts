import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../sourceCopy/repositoryRoot.ts';

/** [file, what it imports]: each must be refused. */
const violations = [
  ['shared/planted1.ts', '@hansa/aggregation/strategy'],
  ['shared/planted2.ts', '@tensorflow/tfjs'],
  ['shared/errors/planted3.ts', '../../aggregation/strategy/index.ts'],
  ['aggregation/secagg/planted4.ts', 'node:fs'],
  ['aggregation/secagg/planted5.ts', '../../coordinator/main.ts'],
  ['aggregation/planted6.ts', '@hansa/shared/log'],
  ['aggregation/kernels/planted18.ts', 'node:fs'],
  ['aggregation/kernels/build/planted19.ts', 'node:http'],
  ['aggregation/secagg/server/planted20.ts', 'node:worker_threads'],
  ['aggregation/secagg/threads/planted21.ts', 'node:fs'],
  ['coordinator/round/planted7.ts', 'fastify'],
  ['coordinator/http/planted8.ts', '@tensorflow/tfjs'],
  ['coordinator/planted9.ts', '@hansa/client-node'],
  ['coordinator/planted10.ts', '@hansa/test'],
  ['client-node/session/planted11.ts', '@tensorflow/tfjs'],
  ['client-node/session/planted12.ts', 'socket.io-client'],
  ['client-node/planted13.ts', '@hansa/coordinator/metrics'],
  ['client-node/training/planted14.ts', 'fastify'],
  ['client-node/jobs/demand/load/planted22.ts', '@tensorflow/tfjs'],
  ['client-node/jobs/demand/planted23.ts', '@duckdb/node-api'],
  ['client-node/session/transport/planted17.ts', 'node:http'],
  ['dashboards/planted15.ts', '@hansa/shared/protocol'],
  ['dashboards/planted16.ts', '@hansa/coordinator'],
] as const;

/** What must stay allowed, or the rules would pass this test by refusing everything. */
const allowed = [
  ['aggregation/fine1.ts', '@hansa/shared/crypto'],
  ['aggregation/kernels/build/fine9.ts', 'node:fs'],
  ['aggregation/secagg/threads/fine10.ts', 'node:worker_threads'],
  ['coordinator/http/fine2.ts', 'fastify'],
  ['coordinator/round/fine3.ts', '@hansa/aggregation/secagg/server'],
  ['client-node/training/fine4.ts', '@tensorflow/tfjs'],
  ['client-node/jobs/demand/fine11.ts', '@tensorflow/tfjs'],
  ['client-node/session/transport/fine5.ts', 'socket.io-client'],
  ['client-node/data/fine6.ts', '@duckdb/node-api'],
  ['dashboards/fine7.ts', '@hansa/coordinator/metrics'],
  ['test/fine8.ts', '@hansa/coordinator/metrics'],
] as const;

describe('import rules', () => {
  let folder: string;
  let report: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-import-rules-'));
    const config = JSON.parse(readFileSync(join(repositoryRoot, 'biome.json'), 'utf8'));
    writeFileSync(join(folder, 'biome.json'), JSON.stringify({ ...config, vcs: { enabled: false } }));
    for (const [file, imported] of [...violations, ...allowed]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), `import '${imported}';\n`);
    }
    const biome = join(repositoryRoot, 'node_modules/@biomejs/biome/bin/biome');
    const run = promisify(execFile)(process.execPath, [biome, 'lint', '--max-diagnostics=none', '--colors=off', '.'], {
      cwd: folder,
    });
    report = await run.then(
      ({ stdout, stderr }) => stdout + stderr,
      (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
    );
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const refused = (file: string) => report.includes(`${file}:1:8 lint/style/noRestrictedImports`);

  it.each(violations)('refuse %s importing %s', (file) => expect(refused(file)).toBe(true));
  it.each(allowed)('let %s import %s', (file) => expect(refused(file)).toBe(false));
});
