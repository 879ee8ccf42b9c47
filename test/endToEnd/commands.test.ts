import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineNames } from '@hansa/client-node/compute';
import type { SeriesForecast } from '@hansa/client-node/forecasting';
import { IdentityKey, newIdentitySeed } from '@hansa/shared/crypto';
import { modelSizes } from '@hansa/shared/model';
import { encodeFile, layOut } from '@hansa/shared/numeric';
import { newJoinToken, parseJoinToken } from '@hansa/shared/protocol';
import type { ApprovalScope } from '@hansa/shared/protocol/secagg';
import { systemRandom } from '@hansa/shared/random';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canMount, mount, unmountAll } from '../mounts/tmpfs.ts';
import { childrenOf, Processes } from './processes.ts';
import {
  type Coordinator,
  enrolNode,
  isConnected,
  type Node,
  newToken,
  startCoordinator,
  writeNode,
} from './processLeague.ts';

/** Fills what is left of a small file system. */
function fill(folder: string): void {
  try {
    writeFileSync(join(folder, 'filler'), Buffer.alloc(4 << 20));
  } catch {
    // It is full now.
  }
}
const refusal = ({ stdout }: { stdout: string }) => (JSON.parse(stdout) as { code: string }).code;

describe('hansa-coordinator', () => {
  let folder: string;
  let processes: Processes;
  let count = 0;
  const path = () => join(folder, `case-${count++}`);
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-commands-'));
    processes = new Processes(folder);
  });
  afterAll(async () => {
    await processes.end();
    unmountAll();
    rmSync(folder, { recursive: true });
  });
  const serve = (data: string, ...args: string[]) =>
    processes.run('coordinator', 'serve', '--data', data, '--json', ...args);

  it('refuses a port that is taken and a folder that is in use, and leaves nothing behind', async () => {
    const running = await startCoordinator(processes, path());
    const data = path();
    const taken = await serve(data, '--port', new URL(running.address).port);
    expect([taken.status, refusal(taken)], taken.stderr).toEqual([2, 'PortInUse']);
    expect(existsSync(data)).toBe(false);
    const twice = await serve(running.dataFolder, '--port', '0');
    expect([twice.status, refusal(twice)], twice.stderr).toEqual([2, 'DataFolderInUse']);
    expect((statSync(join(running.dataFolder, 'hansa.db')).mode & 0o077).toString(8)).toBe('0');
    expect((statSync(join(running.dataFolder, 'admin.json')).mode & 0o077).toString(8)).toBe('0');
  });

  it.skipIf(!canMount)('refuses a read-only and a full data folder by name', async () => {
    const readOnly = path();
    mount(readOnly, 'size=64k,ro');
    const first = await serve(readOnly, '--port', '0');
    expect([first.status, refusal(first)], first.stderr).toEqual([2, 'DataFolderUnusable']);
    const full = path();
    mount(full, 'size=64k');
    fill(full);
    const second = await serve(full, '--port', '0');
    expect([second.status, refusal(second)], second.stderr).toEqual([2, 'DataFolderUnusable']);
    expect(readdirSync(full)).toEqual(['filler']);
  });

  it('refuses a model without the admin token while it is still on its way, at once and by name', async () => {
    const here = path();
    const { dataFolder } = await startCoordinator(processes, here);
    // Large enough not to fit into the buffers on the way.
    const model = layOut([{ name: 'demand.weight', shape: [8_000_000] }]);
    writeFileSync(join(here, 'start.safetensors'), encodeFile(model, { format: 'hansa' }, new Float32Array(8_000_000)));
    const plan = { job: { kind: 'demand', frequency: 'day' }, training: { steps: 1, batchSize: 1, learningRate: 0.1 } };
    const evaluation = { fineTuneSteps: 1, learningRates: [0.1] };
    const task = { name: 'refused', model: 'start.safetensors', rounds: 1, plan: { ...plan, evaluation } };
    writeFileSync(join(here, 'task.json'), JSON.stringify(task));
    const file = join(dataFolder, 'admin.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), token: 'another' }));
    // A command that waited for the rest of the body would outlast the test.
    const refused = await processes.run(
      'coordinator',
      'task',
      'create',
      join(here, 'task.json'),
      '--data',
      dataFolder,
      '--json',
    );
    expect([refused.status, refusal(refused)], refused.stderr).toEqual([2, 'Unauthorized']);
  });

  it('is reached by its own commands when it speaks https, under whatever name its certificate has', async () => {
    const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name);
    const tls = ['--tls-cert', fixture('tlsCertificate.pem'), '--tls-key', fixture('tlsKey.pem')];
    const { dataFolder, address } = await startCoordinator(processes, path(), ...tls);
    expect(address).toMatch(/^https:/);
    expect(await processes.answer('coordinator', 'task', 'list', '--data', dataFolder)).toEqual([]);
    const args = ['--label', 'a', '--data', dataFolder, '--by-members'];
    const token = await processes.answer('coordinator', 'enrol', 'token', ...args);
    expect(token).toMatchObject({ token: expect.stringMatching(/^hansa2\.members\./) });
    // Another certificate at that address is not it.
    const file = join(dataFolder, 'admin.json');
    const { certificate, ...admin } = JSON.parse(readFileSync(file, 'utf8'));
    expect(certificate).toContain('BEGIN CERTIFICATE');
    writeFileSync(file, JSON.stringify(admin));
    const other = await processes.run('coordinator', 'task', 'list', '--data', dataFolder, '--json');
    expect([other.status, refusal(other)]).toEqual([1, 'ConnectionLost']);
  });
});

describe('hansa-client', () => {
  let folder: string;
  let processes: Processes;
  let coordinator: Coordinator;
  let enrolled: Node;
  let count = 0;
  const path = () => join(folder, `case-${count++}`);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-commands-'));
    processes = new Processes(folder);
    coordinator = await startCoordinator(processes, folder);
    enrolled = await enrolNode(processes, coordinator, join(folder, 'enrolled'), 1);
  });
  afterAll(async () => {
    await processes.end();
    unmountAll();
    rmSync(folder, { recursive: true });
  });

  const enrol = (config: string, token: string) =>
    processes.run('client', 'enrol', '--config', config, '--token', token, '--json');
  const expectNothingStored = (caseFolder: string) => {
    const data = join(caseFolder, 'data');
    const files = existsSync(data) ? readdirSync(data) : [];
    expect(files.filter((name) => name !== 'identity.lock')).toEqual([]);
  };

  describe('enrol', () => {
    const elsewhere =
      (change: Partial<ApprovalScope>, approver = coordinator.approver) =>
      (token: string) => {
        const { scope } = parseJoinToken(token);
        const facts = { scope: { ...scope, ...change }, expiresAtMs: Date.now() + 60_000, approver };
        return newJoinToken(facts, systemRandom).text;
      };
    const impostor = new IdentityKey(newIdentitySeed(systemRandom));

    it.each<[string, (token: string) => string, string, number]>([
      ['what is no token', () => 'hello', 'TokenUnknown', 2],
      ['a token that was cut short', (token) => token.slice(0, -20), 'TokenUnknown', 2],
      ['a token that was never registered', (token) => elsewhere({})(token), 'TokenUnknown', 2],
      ['a token of another approver', (token) => elsewhere({}, impostor)(token), 'BadApproval', 2],
      [
        'a token of another coordinator',
        (token) => elsewhere({ coordinatorKey: impostor.publicKey })(token),
        'WrongCoordinatorKey',
        2,
      ],
    ])('refuses %s and stores nothing', async (_what, tokenOf, code, status) => {
      const here = path();
      const config = writeNode(here, coordinator.address, 1);
      const token = await newToken(coordinator, 'someone');
      const result = await enrol(config, tokenOf(token));
      expect([result.status, refusal(result)], result.stderr).toEqual([status, code]);
      expectNothingStored(here);
      // The token is still good where it was not the one that was used.
      expect((await enrol(config, token)).status).toBe(0);
    });

    it('refuses a token that was used, an expired one, and a second enrolment of one node', async () => {
      const token = await newToken(coordinator, 'twice');
      const first = writeNode(path(), coordinator.address, 1);
      const done = await enrol(first, token);
      expect(JSON.parse(done.stdout)).toMatchObject({ clientId: expect.any(String), federation: expect.any(String) });

      const again = path();
      const used = await enrol(writeNode(again, coordinator.address, 2), token);
      expect([used.status, refusal(used)]).toEqual([2, 'TokenUsed']);
      const expired = await newToken(coordinator, 'late', 1);
      const late = await enrol(writeNode(again, coordinator.address, 2), expired);
      expect([late.status, refusal(late)]).toEqual([2, 'TokenExpired']);
      expectNothingStored(again);

      const identity = readFileSync(join(folder, 'enrolled', 'data', 'identity.json'));
      const other = await newToken(coordinator, 'other');
      const second = await enrol(enrolled.config, other);
      expect([second.status, refusal(second)]).toEqual([2, 'AlreadyEnrolled']);
      expect(readFileSync(join(folder, 'enrolled', 'data', 'identity.json')).equals(identity)).toBe(true);
    });

    it('says so where nobody answers, or somebody else', async () => {
      const token = await newToken(coordinator, 'unreachable');
      const here = path();
      const nobody = await enrol(writeNode(here, 'http://127.0.0.1:9', 1), token);
      expect([nobody.status, refusal(nobody)]).toEqual([1, 'ConnectionLost']);
      const far = await enrol(writeNode(here, 'http://hansa.example.org', 1), token);
      expect([far.status, refusal(far)]).toEqual([2, 'InsecureAddress']);
      expectNothingStored(here);
    });
  });

  describe('run', () => {
    const run = (config: string) => processes.run('client', 'run', '--config', config, '--json');

    it('refuses to start unenrolled, and with a key that this coordinator does not know', async () => {
      const unenrolled = await run(writeNode(path(), coordinator.address, 1));
      expect([unenrolled.status, refusal(unenrolled)]).toEqual([2, 'NotEnrolled']);

      const stranger = path();
      cpSync(join(folder, 'enrolled'), stranger, { recursive: true });
      const identity = join(stranger, 'data', 'identity.json');
      const facts = JSON.parse(readFileSync(identity, 'utf8')) as object;
      writeFileSync(identity, JSON.stringify({ ...facts, clientId: '7f0c1d0e-1111-4222-8333-444455556666' }));
      const unknown = await run(join(stranger, 'node.json'));
      expect([unknown.status, refusal(unknown)], unknown.stderr).toEqual([2, 'UnknownClient']);
    });

    it('tells all faults of a config at once, and of data before it connects', async () => {
      const here = path();
      const config = writeNode(here, coordinator.address, 1, { coordinator: 'nowhere', folder: '', extra: true });
      const faults = await run(config);
      expect([faults.status, refusal(faults)]).toEqual([2, 'InvalidConfig']);
      for (const place of ['coordinator', 'folder', 'extra']) expect(faults.stdout).toContain(place);

      const broken = path();
      cpSync(join(folder, 'enrolled'), broken, { recursive: true });
      writeFileSync(join(broken, 'orders.csv'), 'day,units\n2025-01-01,3\n');
      const data = await run(join(broken, 'node.json'));
      expect([data.status, refusal(data)], data.stderr).toEqual([2, 'InvalidData']);
      expect(data.stderr).not.toContain('connected to');
    });

    it('refuses a damaged journal by its line', async () => {
      const damaged = path();
      cpSync(join(folder, 'enrolled'), damaged, { recursive: true });
      writeFileSync(join(damaged, 'data', 'journal.jsonl'), 'nonsense\n');
      const result = await run(join(damaged, 'node.json'));
      expect([result.status, refusal(result)]).toEqual([2, 'LedgerCorrupt']);
      expect(result.stderr).toContain('Line 1');
    });

    it('is interrupted by Ctrl-C while it starts and while it waits, a second process being refused meanwhile', async () => {
      const early = processes.start('client', 'run', '--config', enrolled.config, '--json');
      await expect.poll(() => existsSync(join(enrolled.folder, 'spool'))).toBe(true);
      early.child.kill('SIGINT');
      const stopped = await early.finished;
      expect([stopped.status, refusal(stopped)], stopped.stderr).toEqual([130, 'Interrupted']);

      const waiting = processes.start('client', 'run', '--config', enrolled.config);
      await expect.poll(() => isConnected(coordinator, enrolled)).toBe(true);
      const children = childrenOf(waiting.child.pid ?? 0);
      expect(children.length).toBeGreaterThan(0);
      const second = await run(enrolled.config);
      expect([second.status, refusal(second)]).toEqual([2, 'IdentityLocked']);
      waiting.child.kill('SIGINT');
      expect((await waiting.finished).status).toBe(130);
      for (const pid of children) expect(isAlive(pid)).toBe(false);
      expect(readdirSync(enrolled.folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    });

    it('takes its training process with it when it is killed outright', async () => {
      const killed = processes.start('client', 'run', '--config', enrolled.config);
      let children: readonly number[] = [];
      const started = () => {
        children = childrenOf(killed.child.pid ?? 0);
        return children.length;
      };
      await expect.poll(started).toBeGreaterThan(0);
      killed.child.kill('SIGKILL');
      await killed.finished;
      await expect.poll(() => children.filter(isAlive)).toEqual([]);
    });
  });

  it('doctor finds a node that is ready, and says what is not', async () => {
    const ready = await processes.run('client', 'doctor', '--config', enrolled.config, '--json');
    expect(ready.status, ready.stdout).toBe(0);
    const report = JSON.parse(ready.stdout) as {
      ready: boolean;
      checks: { name: string; state: string; detail: string }[];
      engines: {
        name: string;
        state: string;
        tinyStepMs?: number;
        device?: string;
        reason?: string;
        remedy?: string;
      }[];
      forecast: { size: string; roundSeconds: number; transferSeconds: number; peakMemoryBytes: number }[];
      bandwidth: { upBitsPerSecond: number; downBitsPerSecond: number };
      clockOffsetMs: number;
    };
    expect(report.checks.map(({ name }) => name)).toEqual([
      'machine',
      'engine',
      'folder',
      'data',
      'coordinator',
      'enrolment',
      'forecast',
    ]);
    expect(report.bandwidth.upBitsPerSecond).toBeGreaterThan(0);
    expect(report.bandwidth.downBitsPerSecond).toBeGreaterThan(0);
    expect(Math.abs(report.clockOffsetMs)).toBeLessThan(5_000);
    expect(report.engines.map(({ name }) => name)).toEqual(engineNames);
    expect(report.engines.filter(({ state }) => state === 'chosen')).toMatchObject([
      { name: 'wasm', tinyStepMs: expect.any(Number), device: 'processor' },
    ]);
    for (const { state, reason, remedy } of report.engines)
      if (state === 'unusable')
        expect([reason, remedy].every((text) => text !== undefined && text.length > 5)).toBe(true);
    expect(report.forecast.map(({ size }) => size)).toEqual(modelSizes);
    for (const [at, { transferSeconds, peakMemoryBytes }] of report.forecast.entries()) {
      expect(peakMemoryBytes).toBeGreaterThan(50e6);
      if (at === 0) continue;
      expect(transferSeconds).toBeGreaterThan(report.forecast[at - 1]!.transferSeconds);
    }
    // A step of the largest size is a thousand times one of the smallest; neighbours are too close for a busy machine's clock.
    expect(report.forecast.at(-1)!.roundSeconds).toBeGreaterThan(10 * report.forecast[0]!.roundSeconds);
    const bad = await processes.run(
      'client',
      'doctor',
      '--config',
      writeNode(path(), 'http://127.0.0.1:9', 1),
      '--json',
    );
    expect(bad.status).toBe(1);
    expect(bad.stdout).toMatch(/hansa-client enrol/);
  });

  it('evaluate and model init refuse what they cannot do', async () => {
    const nothing = await processes.run('client', 'evaluate', '--config', enrolled.config, '--json');
    expect([nothing.status, refusal(nothing)]).toEqual([2, 'NotFound']);
    const out = join(folder, 'model.safetensors');
    writeFileSync(out, 'mine');
    const there = await processes.run('client', 'model', 'init', '--out', out, '--json');
    expect([there.status, refusal(there)]).toEqual([2, 'InvalidArgument']);
    expect(readFileSync(out, 'utf8')).toBe('mine');
  });

  it('forecasts every item with a model file, before the first round, in every format', async () => {
    const here = path();
    const config = writeNode(here, coordinator.address, 1);
    const file = (name: string) => join(here, name);
    expect((await processes.run('client', 'model', 'init', '--out', file('start.safetensors'))).status).toBe(0);
    const names = ['f.csv', 'f.json', 'f.parquet', 'f.html'];
    const ask = (...more: string[]) =>
      processes.run('client', 'forecast', '--config', config, '--model', file('start.safetensors'), '--json', ...more);
    const made = await ask('--periods', '3', '--out', ...names.map(file));
    expect(made.status, made.stderr).toBe(0);
    const { series, periods } = JSON.parse(made.stdout) as { series: number; periods: number };
    expect([series > 1, periods]).toEqual([true, 3]);
    const forecasts = JSON.parse(readFileSync(file('f.json'), 'utf8')) as SeriesForecast[];
    expect(forecasts).toHaveLength(series);
    for (const { levels, quantiles, quantilesToDate, mean, periods } of forecasts) {
      expect([periods.length, quantiles.length, quantilesToDate.length, mean.length]).toEqual([3, 3, 3, 3]);
      for (const row of [...quantiles, ...quantilesToDate]) {
        expect(row).toHaveLength(levels.length);
        expect(row.every((value, at) => value >= (row[at - 1] ?? 0))).toBe(true);
      }
    }
    expect(forecasts.some(({ mean }) => mean[0]! > 0)).toBe(true);
    expect(readFileSync(file('f.csv'), 'utf8').trimEnd().split('\r\n')).toHaveLength(1 + 3 * series);
    expect(readFileSync(file('f.parquet')).subarray(0, 4).toString()).toBe('PAR1');
    expect(readFileSync(file('f.html'), 'utf8').match(/<article>/g)).toHaveLength(series);

    const again = await ask('--out', file('f.csv'));
    expect([again.status, refusal(again)]).toEqual([2, 'InvalidArgument']);
    expect((await ask('--overwrite', '--periods', '1', '--out', file('f.csv'))).status).toBe(0);
    expect(readFileSync(file('f.csv'), 'utf8').trimEnd().split('\r\n')).toHaveLength(1 + series);
    for (const wrong of [
      ['--out', file('f.txt')],
      ['--periods', '1000', '--out', file('g.csv')],
      ['--task', 'x', '--out', file('g.csv')],
    ]) {
      const result = await ask(...wrong);
      expect([result.status, refusal(result)], wrong.join(' ')).toEqual([2, 'InvalidArgument']);
    }
    expect(existsSync(file('g.csv'))).toBe(false);
    const noTask = await processes.run('client', 'forecast', '--config', config, '--json', '--out', file('g.csv'));
    expect([noTask.status, refusal(noTask)]).toEqual([2, 'NotFound']);
  });

  it('gives one JSON document for a wrong command line, and help for --help', async () => {
    const wrong = await processes.run('client', 'run', '--json', '--nonsense');
    expect([wrong.status, refusal(wrong)]).toEqual([2, 'InvalidArgument']);
    const help = await processes.run('client', 'run', '--help');
    expect([help.status, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toContain('--until-task-ends');
  });

  describe('a folder that cannot be written to', () => {
    it.skipIf(!canMount)('is refused by name when it is read-only, before the token is spent', async () => {
      const here = path();
      const config = writeNode(here, coordinator.address, 1);
      const token = await newToken(coordinator, 'read-only');
      mount(join(here, 'data'), 'size=64k,ro');
      const result = await enrol(config, token);
      expect([result.status, refusal(result)], result.stderr).toEqual([2, 'DataFolderUnusable']);
      expect((await enrol(writeNode(path(), coordinator.address, 1), token)).status).toBe(0);
    });

    it.skipIf(!canMount)('is refused by name when it is full', async () => {
      const here = path();
      const config = writeNode(here, coordinator.address, 1);
      const token = await newToken(coordinator, 'full');
      const data = join(here, 'data');
      mount(data, 'size=64k');
      fill(data);
      const result = await enrol(config, token);
      expect([result.status, refusal(result)], result.stderr).toEqual([2, 'StorageFull']);
      expect(existsSync(join(data, 'identity.json'))).toBe(false);
    });

    it.skipIf(!canMount)('stops a node that is enrolled, when it is read-only', async () => {
      const here = path();
      cpSync(join(folder, 'enrolled'), here, { recursive: true });
      const data = join(here, 'data');
      const files = readdirSync(data).filter((name) => name !== 'spool');
      const kept = files.map((name) => [name, join(folder, 'enrolled', 'data', name)] as const);
      mount(data, 'size=1m');
      for (const [name, from] of kept) cpSync(from, join(data, name), { recursive: true });
      execFileSync('mount', ['-o', 'remount,ro', data]);
      const result = await processes.run('client', 'run', '--config', join(here, 'node.json'), '--json');
      expect([result.status, refusal(result)], result.stderr).toEqual([2, 'DataFolderUnusable']);
    });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
