import { describe, expect, it } from 'vitest';
import { encodeFile, readHeader } from '../numeric/index.ts';
import { controlManifest, controlMetadata, readControlHeader } from './controlFile.ts';

const header = (metadata: Readonly<Record<string, string>>, length = 3) => {
  const bytes = encodeFile(controlManifest(length), metadata, new Float32Array(length));
  return readHeader(bytes, bytes.length);
};
const ours = { taskId: 'a task', length: 3 };
const metadataOf = (...lastRounds: [member: number, round: number][]) =>
  controlMetadata({ taskId: 'a task', lastRounds: new Map(lastRounds) });
/** Members 0 to 4095, no two neighbours with the same round. */
const largest = Array.from({ length: 4096 }, (_, at): [number, number] => [at + 1_000_000, 100_000 + (at % 2)]);

describe('a control variate’s file', () => {
  it.each([
    [[[0, 1]]],
    [
      [
        [0, 2],
        [1, 2],
        [2, 1],
        [7, 2],
      ],
    ],
    [[[0xffff_ffff, 100_000]]],
    [largest],
  ] as [[number, number][]][])('tells the members and rounds %j', (lastRounds) => {
    const file = readControlHeader(header(metadataOf(...lastRounds)), ours);
    expect(file).toEqual({ taskId: 'a task', lastRounds: new Map(lastRounds) });
  });

  it('tells them shortly, in one way', () => {
    expect(metadataOf([5, 3], [1, 7], [0, 7], [2, 7], [3, 6]).lastRounds).toBe('0-2:7,3:6,5:3');
  });

  it.each([
    '',
    'x',
    '1',
    '1:',
    ':1',
    '1:0',
    '1:01',
    '01:1',
    '-1:1',
    '1-:1',
    '1-1:1',
    '3-1:1',
    '2:1,1:2',
    '1:1,1:2',
    '1:1,2:1',
    '0-2:1,2-3:2',
    '1:1;2:2',
    '1:1,',
    '1:1000000',
    '4294967296:1',
    '0-4294967295:1',
    '0-32768:1',
  ])('refuses the members and rounds "%s"', (lastRounds) => {
    expect(() => readControlHeader(header({ ...metadataOf([1, 1]), lastRounds }), ours)).toThrow(
      expect.objectContaining({ code: 'ModelMismatch' }),
    );
  });

  it('refuses one of another task or length, and what is none', () => {
    const metadata = metadataOf([1, 1]);
    const { lastRounds: _, ...silent } = metadata;
    for (const [of, asked] of [
      [header(metadata), { ...ours, taskId: 'another' }],
      [header(metadata, 4), ours],
      [header({ ...metadata, format: 'test' }), ours],
      [header(silent), ours],
      [header({}), ours],
    ] as const)
      expect(() => readControlHeader(of, asked)).toThrow(expect.objectContaining({ code: 'ModelMismatch' }));
  });
});
