import { describe, expect, it } from 'vitest';
import { fineTunedIntervals } from '../report/fineTunedIntervals.ts';
import { reportFixture } from '../report/fixture.ts';
import { judge } from '../verdict.ts';
import {
  clock,
  columns,
  type Ending,
  fit,
  renderEnding,
  renderFailure,
  renderLive,
  renderOpening,
  widthOf,
} from './render.ts';
import type { ScreenState } from './state.ts';

function stateOf(merchants: number): ScreenState {
  return {
    startedMs: 0,
    engine: { name: 'wasm', reason: 'tfjs-node-gpu is not usable: its native part is not installed', tried: true },
    cores: 2,
    expectedMinutes: 4,
    coordinator: { address: 'http://127.0.0.1:41234', ready: true },
    rounds: 5,
    pilot: undefined,
    stage: 'training',
    running: { round: 2, attempt: 2, phase: 'train' },
    losses: [0.81, 0.62],
    merchants: Array.from({ length: merchants }, (_, i) => ({
      id: i === 0 ? 'The Very Long Name of a Merchant & Sons' : `merchant-${i + 1}`,
      rows: 24_258,
      activity: i === 3 ? { kind: 'killed' } : { kind: 'member', stage: 'training', done: 12, total: 40 },
      bytesSent: 575_000,
      bytesSendingNow: 0,
    })),
    story: [
      'Round 1: All took part; the sum is exact. Loss 0.8100; 14.5 s',
      'Round 2: merchant-4 is killed (SIGKILL), its key shares handed out, its update not sent',
    ],
  };
}

function verdictOf(effects: number[]): Ending['verdict'] {
  const data = reportFixture(effects);
  return judge(data.result.merchants, fineTunedIntervals(data));
}

function endingOf(effects: number[], changes: Partial<Ending> = {}): Ending {
  return {
    verdict: verdictOf(effects),
    committed: 5,
    rounds: 5,
    sumExact: true,
    killed: { id: 'merchant-4', cameBack: true },
    totalMs: 203_400,
    model: 'hansa-demo/2026-11-23T14-05-00/model.safetensors',
    records: 'hansa-demo/2026-11-23T14-05-00/rounds.json',
    report: 'hansa-demo/2026-11-23T14-05-00/report.html',
    kept: undefined,
    commands: [
      { what: 'see the report', command: 'xdg-open hansa-demo/2026-11-23T14-05-00/report.html' },
      { what: 'what sells next?', command: 'npx hansa-client forecast --config node.json --out forecast.html' },
      { what: 'check my own file', command: 'npx hansa-client check-data --config node.json' },
      { what: 'enrol my node', command: 'npx hansa-client enrol --config node.json --token TOKEN' },
    ],
    ...changes,
  };
}

describe('the screen', () => {
  it('opens with engine and why, cores, minutes and both addresses', () => {
    const text = renderOpening(stateOf(6)).join('\n');
    for (const part of [
      'wasm',
      'native part is not installed',
      '2 cores',
      'about 4 min',
      'http://127.0.0.1:41234',
      'http://127.0.0.1:41234/metrics',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('tells both addresses before the coordinator answers there', () => {
    const coordinator = { address: 'http://127.0.0.1:65535', ready: false };
    const lines = renderOpening({ ...stateOf(6), coordinator });
    expect(lines.at(-1)).toBe('Coordinator: http://127.0.0.1:65535, starting · metrics: /metrics there');
  });

  it('shows round, phase, what each has done, what stayed and what left', () => {
    const lines = renderLive(stateOf(6), 42_000, 24);
    const text = lines.join('\n');
    expect(text).toContain('Round 2 of 5');
    expect(text).toContain('>train<');
    expect(text).toContain('loss 0.8100 -> 0.6200');
    expect(text).toContain('training [###.......]');
    expect(text).toContain('KILLED');
    expect(text).toContain('24,258 rows');
    expect(text).toContain('575 kB, unreadable alone');
    expect(text).toContain('00:42');
  });

  it('says which pilot a round belongs to, at whatever learning rate', () => {
    const lines = renderLive({ ...stateOf(6), pilot: { number: 1, count: 2, learningRate: 0.0003 } }, 42_000, 24);
    expect(lines.join('\n')).toContain('Pilot 1 of 2, learning rate 0.0003: Round 2 of 5');
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
  });

  it.each([5, 6, 8, 40, 128])('stays inside 80 × 24 with %i merchants', (merchants) => {
    const lines = renderLive(stateOf(merchants), 42_000, 24);
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
    expect(lines.join('\n')).toContain('KILLED');
  });

  it.each([
    [[-6.1, -4.2, -0.6, -2.2, 0.8, -9.4]],
    [[3, 4, 5, 1, 2, 8]],
    [Array.from({ length: 40 }, (_, i) => i - 30)],
  ])('ends inside 80 × 24 with everything that a person needs: %j', (effects) => {
    for (const kept of [
      undefined,
      { coordinator: 'http://127.0.0.1:41234', stop: 'kill $(cat hansa-demo/2026-11-23T14-05-00/pids)' },
    ]) {
      const ending = endingOf(effects, { kept });
      const lines = renderEnding(ending);
      const text = lines.join('\n');
      expect(lines.length).toBeLessThanOrEqual(23);
      expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
      for (const part of [
        ending.model,
        ending.records,
        ending.report,
        'xdg-open',
        'check-data',
        'enrol',
        ending.verdict.worst.id,
        'every sum exact',
      ]) {
        expect(text).toContain(part);
      }
      if (kept !== undefined) expect(text).toContain(kept.stop);
      expect(text).toContain(ending.verdict.helped ? 'The league helped' : 'The league did not help');
    }
  });

  it('says so when a sum was wrong', () => {
    expect(renderEnding(endingOf([-1, -2, -3, -4, -5], { sumExact: false })).join('\n')).toContain(
      'A SUM WAS NOT EXACT',
    );
  });

  it('says which process failed, why and where its log is', () => {
    const failure = {
      heading: 'FAILED: the node of merchant-3',
      why: 'It ended with status 1:\nno space',
      log: '/x/run.log',
    };
    expect(renderFailure(failure)).toEqual([
      'FAILED: the node of merchant-3',
      '  It ended with status 1:',
      '  no space',
      'Its log: /x/run.log',
    ]);
  });

  it('cuts by columns and lets no name move the cursor', () => {
    expect(fit('abcdef', 4)).toBe('abc…');
    expect(widthOf('上海商店')).toBe(8);
    expect(widthOf(fit('上海商店有限公司', 7))).toBeLessThanOrEqual(7);
    expect(fit('a\u001b[2Jb\n', 20)).toBe('a [2Jb ');
    expect(clock(61_500)).toBe('01:01');
  });
});
