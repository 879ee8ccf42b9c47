import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TaskRecord, taskRecordSchema } from '@hansa/shared/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Processes } from './processes.ts';
import { askAdmin, type Coordinator, createTask, startCoordinator, writeNode } from './processLeague.ts';

interface Enrolled {
  readonly clientId: string;
  readonly fingerprint: string;
  readonly approverFingerprint?: string;
}
interface Shown {
  readonly approvedBy: string;
  readonly approverFingerprint?: string;
  readonly roster?: { readonly epoch: number; readonly fingerprint: string; readonly members: readonly object[] };
}

let folder: string;
let processes: Processes;
let coordinator: Coordinator;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-approvals-'));
  processes = new Processes(folder);
  coordinator = await startCoordinator(processes, folder);
});
afterEach(async () => {
  await processes.end();
  rmSync(folder, { recursive: true });
});

const refusal = ({ stdout }: { stdout: string }) => (JSON.parse(stdout) as { code: string }).code;
const tokenFor = async (label: string, ...how: string[]) => {
  const args = ['enrol', 'token', '--label', label, '--data', coordinator.dataFolder, ...how];
  return (await processes.answer<{ token: string }>('coordinator', ...args)).token;
};
const enrol = (config: string, token: string) =>
  processes.answer<Enrolled>('client', 'enrol', '--config', config, '--token', token);
const shown = (config: string) => processes.answer<Shown>('client', 'roster', '--config', config);
/** Two merchants hide nothing from each other; these have agreed to that. */
const small = { policy: { minCohort: 2, knownFloor: 0 }, training: { engine: 'wasm' } };
const taskOf = (members: number) => {
  const here = join(folder, `task-of-${members}`);
  mkdirSync(here);
  return createTask(processes, coordinator, here, 1, {
    cohort: { minimum: members, maximum: members, allowSmall: true },
    secureAggregation: { minSurvivors: 2, knownFloor: 0 },
  });
};

describe("the consortium's approver", () => {
  it('makes a key of its own, and nodes pin it with the token', async () => {
    const key = join(folder, 'approver.json');
    const init = (out: string) =>
      processes.answer<{ fingerprint: string }>('coordinator', 'approver', 'init', '--out', out);
    const { fingerprint } = await init(key);
    const config = writeNode(join(folder, 'node'), coordinator.address, 1);
    const enrolled = await enrol(config, await tokenFor('one', '--approver', key));
    expect(enrolled.approverFingerprint).toBe(fingerprint);
    expect(await shown(config)).toMatchObject({ approvedBy: 'consortium', approverFingerprint: fingerprint });

    const data = ['--data', coordinator.dataFolder, '--label', 'two', '--json'];
    const other = join(folder, 'other.json');
    await init(other);
    for (const how of [[], ['--by-members'], ['--approver', other]]) {
      const refused = await processes.run('coordinator', 'enrol', 'token', ...data, ...how);
      expect([refused.status, refusal(refused)], how.join(' ')).toEqual([2, 'InvalidArgument']);
    }
    const vouch = ['approve', enrolled.clientId, '--fingerprint', enrolled.fingerprint, '--config', config, '--json'];
    expect(refusal(await processes.run('client', ...vouch))).toBe('InvalidArgument');
    // Whatever the coordinator keeps, the approver's secret is not in it.
    const { secretKey } = JSON.parse(readFileSync(key, 'utf8')) as { secretKey: string };
    for (const file of ['hansa.db', 'hansa.db-wal'])
      expect(readFileSync(join(coordinator.dataFolder, file)).includes(secretKey)).toBe(false);
  });
});

describe('a federation whose members approve each other', () => {
  it('grows from two to three once both have approved the third, and all see one roster', async () => {
    const configs = [0, 1, 2].map((merchant) =>
      writeNode(join(folder, `node-${merchant}`), coordinator.address, merchant, small),
    );
    const [one, two, third] = configs as [string, string, string];
    for (const config of [one, two]) await enrol(config, await tokenFor('founder', '--by-members'));
    const first = await taskOf(2);
    const founders = [one, two].map((config) => processes.start('client', 'run', '--config', config));
    const stateOf = async ({ id }: TaskRecord) =>
      taskRecordSchema.parse(await askAdmin(coordinator, `/tasks/${id}`)).state;
    await expect.poll(() => stateOf(first)).toBe('completed');

    const newcomer = await enrol(third, await tokenFor('newcomer', '--by-members'));
    const approve = (config: string, fingerprint: string) =>
      processes.run('client', 'approve', newcomer.clientId, '--fingerprint', fingerprint, '--config', config, '--json');
    const wrong = await approve(one, 'ab'.repeat(32));
    expect([wrong.status, refusal(wrong)]).toEqual([2, 'BadApproval']);
    expect(refusal(await approve(one, 'abc'))).toBe('InvalidArgument');
    expect(JSON.parse((await approve(one, newcomer.fingerprint)).stdout)).toMatchObject({ given: 1, needed: 2 });
    const spoken = newcomer.fingerprint.toUpperCase().replace(/(....)/g, '$1 ');
    expect(JSON.parse((await approve(two, spoken)).stdout)).toMatchObject({ given: 2, needed: 2 });

    const joined = processes.start('client', 'run', '--config', third);
    const second = await taskOf(3);
    await expect.poll(() => stateOf(second)).toBe('completed');
    const rosters = await Promise.all(configs.map(shown));
    for (const { roster } of rosters) {
      expect(roster).toMatchObject({ epoch: 1, fingerprint: rosters[0]?.roster?.fingerprint });
      expect(roster?.members).toHaveLength(3);
    }
    for (const { child } of [...founders, joined]) child.kill('SIGTERM');
  });
});
