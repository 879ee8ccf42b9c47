import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readNodeConfig } from './nodeConfig.ts';

const good = {
  coordinator: 'http://127.0.0.1:4600',
  folder: 'node',
  data: {
    sources: [{ file: 'orders.csv', columns: { date: 'day', item: 'sku', quantity: 'units' } }],
    frequency: 'day',
    returns: 'negative',
    validFrom: '2026-07-01',
    testFrom: '2026-09-01',
  },
};

describe('readNodeConfig', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hansa-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (content: unknown): string => {
    const path = join(folder, 'node.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
  const faultOf = (content: unknown): HansaError => {
    try {
      readNodeConfig(write(content));
    } catch (error) {
      if (error instanceof HansaError) return error;
      throw error;
    }
    throw new Error('it was accepted');
  };

  it('fills in defaults and resolves the folder from where the file lies', () => {
    const config = readNodeConfig(write(good));
    expect(config.folder).toBe(join(folder, 'node'));
    expect(config.baseFolder).toBe(folder);
    expect(config.training).toEqual({ engine: 'auto', checkpointSeconds: 30, keepUpdates: false });
    expect(config.policy).toMatchObject({ minCohort: 5, knownFloor: 3, maxRosterChange: 0.34 });
    expect(config.allowInsecure).toBe(false);
  });

  it('names three faults at once, with exit status 2', () => {
    const error = faultOf({
      ...good,
      coordinator: 'ftp://example.org',
      policy: { minCohort: 1 },
      data: { ...good.data, frequency: 'hour' },
    });
    expect(error).toMatchObject({ code: 'InvalidConfig', exitStatus: 2, details: { faults: { length: 3 } } });
    for (const place of ['coordinator', 'policy.minCohort', 'data.frequency']) expect(error.message).toContain(place);
  });

  it('names faults of meaning beside faults of form', () => {
    const { message } = faultOf({
      ...good,
      folder: '',
      data: { ...good.data, validFrom: '2026-09-02' },
    });
    expect(message).toContain('folder');
    expect(message).toContain('data.testFrom');
  });

  it('refuses an unknown key by name', () => {
    expect(faultOf({ ...good, trainning: {} }).message).toContain('trainning: unknown key');
  });

  it.each([
    ['no JSON', '{"coordinator": '],
    ['an address with a path', { ...good, coordinator: 'https://example.org/hansa' }],
    ['an address with a password', { ...good, coordinator: 'https://me:secret@example.org' }],
    ['no address', { ...good, coordinator: 'here' }],
  ])('refuses %s', (_what, content) => {
    expect(faultOf(content).code).toBe('InvalidConfig');
  });

  it('says so where there is no file', () => {
    expect(() => readNodeConfig(join(folder, 'absent.json'))).toThrow(/does not exist/);
  });
});
