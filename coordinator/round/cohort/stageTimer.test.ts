import { standardDeadlines } from '@hansa/shared/protocol';
import { ManualClock } from '@hansa/shared/testing';
import { beforeEach, expect, it } from 'vitest';
import { CLOSING_MS, notAfter } from './deadlines.ts';
import { StageTimer } from './stageTimer.ts';

const deadlines = { ...standardDeadlines, trainMs: 10_000, maskedInputMs: 2_000, unmaskMs: 500, consistencyMs: 500 };
let clock: ManualClock;
let timer: StageTimer;
let allAnnounced: boolean;
let seen: string[];

beforeEach(() => {
  clock = new ManualClock();
  allAnnounced = false;
  seen = [];
  timer = new StageTimer(clock, deadlines, notAfter(deadlines, clock.now()), {
    passed: (stage) => seen.push(stage),
    putOff: () => seen.push('put off'),
    allAnnounced: () => allAnnounced,
  });
});

it("says when a stage's time has passed, once, and nothing after it was cleared", () => {
  timer.enter('revealShares');
  clock.advance(499);
  expect(seen).toEqual([]);
  clock.advance(1);
  expect(seen).toEqual(['revealShares']);
  timer.enter('signSurvivors');
  timer.clear();
  clock.advance(10_000);
  expect(seen).toEqual(['revealShares']);
  expect(timer.deadlineAtMs).toBeUndefined();
});

it('gives training its time, and an upload its own from its last byte on', () => {
  const beganAtMs = clock.now();
  timer.enter('maskedInput');
  expect(timer.deadlineAtMs).toBe(beganAtMs + 10_000);
  clock.advance(9_500);
  timer.announced();
  expect(timer.deadlineAtMs).toBe(beganAtMs + 11_500);
  clock.advance(1_500);
  timer.bytesArrived();
  clock.advance(500);
  expect(seen).toEqual(['put off']);
  expect(timer.deadlineAtMs).toBe(beganAtMs + 13_000);
  clock.advance(1_500);
  expect(seen).toEqual(['put off', 'maskedInput']);
});

it('waits no longer for training once every vector is announced', () => {
  const beganAtMs = clock.now();
  timer.enter('maskedInput');
  clock.advance(1_000);
  allAnnounced = true;
  timer.announced();
  expect(timer.deadlineAtMs).toBe(beganAtMs + 3_000);
});

it('puts the deadline off no longer than the set-up lasts', () => {
  const endMs = notAfter(deadlines, clock.now()) - deadlines.consistencyMs - deadlines.unmaskMs - CLOSING_MS;
  timer.enter('maskedInput');
  timer.announced();
  while (!seen.includes('maskedInput') && clock.now() <= endMs) {
    clock.advance(1_000);
    timer.bytesArrived();
  }
  expect(seen.at(-1)).toBe('maskedInput');
  expect(clock.now()).toBeGreaterThanOrEqual(endMs);
  expect(clock.now()).toBeLessThan(endMs + 1_000);
});
