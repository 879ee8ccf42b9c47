import { maxBandwidthProbeBytes } from '@hansa/shared/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ToyLeague } from '../testing/toyLeague.ts';

let league: ToyLeague;
beforeEach(async () => {
  league = await ToyLeague.start();
});
afterEach(() => league.close());

it('sends a node as many bytes as it asks for, and counts what it sends', async () => {
  const [node] = await league.enrol(1, { update: () => new Float32Array(0) });
  await node!.connect();
  const down = await node!.request('GET', '/v1/bandwidth/5000');
  expect((await down.arrayBuffer()).byteLength).toBe(5000);
  const up = await node!.request('POST', '/v1/bandwidth', { body: Buffer.alloc(70_000) });
  expect(await up.json()).toEqual({ bytes: 70_000 });
});

it('takes and gives nothing larger than its limit, and nothing without a signature', async () => {
  const [node] = await league.enrol(1, { update: () => new Float32Array(0) });
  await node!.connect();
  for (const count of ['0', `${maxBandwidthProbeBytes + 1}`, '-1', '1e3', 'x'])
    expect((await node!.request('GET', `/v1/bandwidth/${count}`)).status).toBe(400);
  expect(
    (await node!.request('POST', '/v1/bandwidth', { body: Buffer.alloc(maxBandwidthProbeBytes + 1) })).status,
  ).toBe(413);
  const { address } = league.coordinator;
  expect((await fetch(`${address}/v1/bandwidth/10`)).status).toBe(401);
  expect((await fetch(`${address}/v1/bandwidth`, { method: 'POST', body: 'x' })).status).toBe(401);
});
