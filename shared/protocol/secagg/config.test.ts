import { describe, expect, it } from 'vitest';
import { configHash, type SecAggConfig, secAggConfigSchema } from './config.ts';
import { maxParts } from './limits.ts';

const part = (name: string, length: number) => ({ name, length, clipNorm: 2, scaleLog2: 10 });

const config: SecAggConfig = {
  suite: 'SA-1',
  vectorLength: 10,
  wordBits: 32,
  parts: [part('encoder', 7), part('head', 3)],
  maxCohort: 8,
  grouped: false,
  weightMax: 1,
  weighting: 'uniform',
  tail: [{ name: 'loss', low: 0, high: 1, steps: 100 }],
  dp: 'none',
  rule: 'complete-two-thirds',
  gammaPermille: 0,
  deltaPermille: 340,
  minCohort: 5,
  minSurvivors: 3,
  knownFloor: 3,
  planHash: new Uint8Array(32),
  architectureHash: new Uint8Array(32),
};
const hash32 = Buffer.alloc(32).toString('base64url');
const wire = { ...config, planHash: hash32, architectureHash: hash32 };
const [encoder, head] = config.parts as [SecAggConfig['parts'][0], SecAggConfig['parts'][0]];

describe('the parts of a configuration', () => {
  it('fill the vector', () => {
    expect(secAggConfigSchema.parse(wire)).toEqual(config);
    const many = Array.from({ length: maxParts }, (_, at) => part(`part${at}`, 1));
    expect(secAggConfigSchema.safeParse({ ...wire, parts: many, vectorLength: maxParts }).success).toBe(true);
  });

  it.each<[string, unknown]>([
    ['none', []],
    ['fewer numbers than the vector', [encoder, part('head', 2)]],
    ['more numbers than the vector', [encoder, head, part('more', 1)]],
    ['an empty part', [part('encoder', 10), part('head', 0)]],
    ['a part of less than nothing', [part('encoder', 11), part('head', -1)]],
    ['a name twice', [encoder, { ...head, name: 'encoder' }]],
    ['a name that is none', [encoder, { ...head, name: 'Head 1' }]],
    ['a clip of zero', [encoder, { ...head, clipNorm: 0 }]],
    ['a clip that is not finite', [encoder, { ...head, clipNorm: Number.POSITIVE_INFINITY }]],
    ['a scale that is no whole power', [encoder, { ...head, scaleLog2: 1.5 }]],
    ['an unknown field', [encoder, { ...head, weight: 1 }]],
    ['too many', Array.from({ length: maxParts + 1 }, (_, at) => part(`part${at}`, 1))],
  ])('are refused with %s', (_, parts) => {
    const vectorLength = Array.isArray(parts) && parts.length > maxParts ? parts.length : 10;
    expect(secAggConfigSchema.safeParse({ ...wire, parts, vectorLength }).success).toBe(false);
  });
});

describe('the hash of a configuration', () => {
  it('changes with every field of it and of its parts', () => {
    const changes: Partial<SecAggConfig>[] = [
      { vectorLength: 11 },
      { wordBits: 16 },
      { maxCohort: 9 },
      { grouped: true },
      { weightMax: 2 },
      { weighting: 'buckets' },
      { tail: [] },
      ...[{ name: 'other' }, { low: 0.5 }, { high: 2 }, { steps: 99 }].map((change) => ({
        tail: [{ ...config.tail[0]!, ...change }],
      })),
      { rule: 'k-out-40-20' },
      { gammaPermille: 1 },
      { deltaPermille: 341 },
      { minCohort: 6 },
      { minSurvivors: 4 },
      { knownFloor: 4 },
      { planHash: new Uint8Array(32).fill(1) },
      { architectureHash: new Uint8Array(32).fill(1) },
      { parts: [encoder] },
      { parts: [head, encoder] },
      { parts: [part('encoder', 3), part('head', 7)] },
      ...[{ name: 'other' }, { length: 4 }, { clipNorm: 3 }, { scaleLog2: 11 }].map((change) => ({
        parts: [encoder, { ...head, ...change }],
      })),
    ];
    const hashes = [{}, ...changes].map((change) => Buffer.from(configHash({ ...config, ...change })).toString('hex'));
    expect(new Set(hashes).size).toBe(changes.length + 1);
  });
});
