import { describe, expect, it } from 'vitest';
import { encodeFile, readHeader } from '../numeric/index.ts';
import { controlManifest, controlMetadata, readControlHeader } from './controlFile.ts';

const header = (metadata: Readonly<Record<string, string>>, length = 3) => {
  const bytes = encodeFile(controlManifest(length), metadata, new Float32Array(length));
  return readHeader(bytes, bytes.length);
};
const ours = { taskId: 'a task', length: 3 };

describe('a control variate’s file', () => {
  it.each([[[1]], [[1, 2, 3]], [[1, 3, 4, 5, 9]], [[7, 100_000]]])('tells the rounds %j', (rounds) => {
    const metadata = controlMetadata({ taskId: 'a task', rounds });
    expect(readControlHeader(header(metadata), ours)).toEqual({ taskId: 'a task', rounds });
  });

  it('tells them shortly', () => {
    expect(controlMetadata({ taskId: 'a task', rounds: [1, 2, 3, 5, 8, 9] }).rounds).toBe('1-3,5,8-9');
  });

  it.each(['', '3-1', '2,1', '1,1', '0', '1-2,2', 'x', '1-', '-1', '1;2', '1-999999'])(
    'refuses the rounds "%s"',
    (rounds) => {
      const metadata = { ...controlMetadata({ taskId: 'a task', rounds: [1] }), rounds };
      expect(() => readControlHeader(header(metadata), ours)).toThrow(
        expect.objectContaining({ code: 'ModelMismatch' }),
      );
    },
  );

  it('refuses one of another task or length, and what is none', () => {
    const metadata = controlMetadata({ taskId: 'a task', rounds: [1] });
    for (const [of, asked] of [
      [header(metadata), { ...ours, taskId: 'another' }],
      [header(metadata, 4), ours],
      [header({ ...metadata, format: 'test' }), ours],
      [header({}), ours],
    ] as const)
      expect(() => readControlHeader(of, asked)).toThrow(expect.objectContaining({ code: 'ModelMismatch' }));
  });
});
