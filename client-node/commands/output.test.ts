import { PassThrough } from 'node:stream';
import { HansaError } from '@hansa/shared/errors';
import { describe, expect, it } from 'vitest';
import { createOutput, reportError } from './output.ts';

function capture(json: boolean) {
  const texts = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') =>
    new PassThrough().on('data', (chunk: Buffer) => {
      texts[name] += chunk.toString();
    });
  const output = createOutput({ stdout: stream('stdout'), stderr: stream('stderr') }, json);
  return { output, texts };
}

describe('createOutput', () => {
  it('answers in lines, or in one document with the lines beside it', () => {
    const plain = capture(false);
    plain.output.line('an answer');
    plain.output.note('beside it');
    plain.output.document({ a: 1 });
    expect(plain.texts).toEqual({ stdout: 'an answer\n', stderr: 'beside it\n' });

    const json = capture(true);
    json.output.line('an answer');
    json.output.document({ a: 1 });
    expect(JSON.parse(json.texts.stdout)).toEqual({ a: 1 });
    expect(json.texts.stderr).toBe('an answer\n');
  });

  it('draws no bar where there is no terminal', () => {
    const { output, texts } = capture(false);
    output.progress('training', 1, 2);
    output.progressDone();
    expect(texts).toEqual({ stdout: '', stderr: '' });
  });
});

describe('reportError', () => {
  it.each([
    [new HansaError('InvalidData', 'row 3'), false, 2, 'InvalidData'],
    [new HansaError('ConnectionLost', 'gone'), false, 1, 'ConnectionLost'],
    [new Error('a fault of ours'), false, 1, 'Internal'],
    [new HansaError('ConnectionLost', 'gone'), true, 130, 'Interrupted'],
  ])('gives %s (interrupted: %s) the status %i', (error, interrupted, status, code) => {
    const { output, texts } = capture(true);
    expect(reportError(error, output, interrupted)).toBe(status);
    expect(JSON.parse(texts.stdout)).toMatchObject({ code });
    expect(texts.stdout).not.toContain('a fault of ours');
  });
});
