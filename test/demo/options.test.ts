import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseOptions } from './options.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-options-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the demo’s options', () => {
  it('has defaults that need nothing', () => {
    const parsed = parseOptions([], folder);
    expect(parsed).toMatchObject({
      kind: 'run',
      options: {
        merchants: 6,
        rounds: 10,
        size: 'nano',
        mode: 'full',
        engine: 'auto',
        world: 'shared',
        seed: 1,
        keep: false,
      },
    });
  });

  it('takes paths from where the person stands', () => {
    const parsed = parseOptions(['--data', 'd', '--mapping', 'm.json', '--out', 'o', '--json', 'x/y.json'], folder);
    expect(parsed).toMatchObject({
      options: {
        data: join(folder, 'd'),
        mapping: join(folder, 'm.json'),
        out: join(folder, 'o'),
        json: join(folder, 'x/y.json'),
      },
    });
  });

  it('prints help', () => {
    expect(parseOptions(['--help'], folder)).toMatchObject({
      kind: 'help',
      text: expect.stringContaining('--merchants'),
    });
  });

  it.each([
    [['--merchants', '4'], /'4' is invalid.*from 5 to 128/],
    [['--merchants', '6.5'], /whole number/],
    [['--rounds', 'many'], /whole number from 1/],
    [['--size', 'huge'], /Allowed choices are nano, tiny/],
    [['--world', 'flat'], /Allowed choices are shared, unrelated/],
    [['--engine', 'steam'], /Allowed choices are auto/],
    [['--seed', '-1'], /whole number from 0/],
    [['--frobnicate'], /Unknown option '--frobnicate'/],
    [['extra'], /Too many arguments|too many arguments/],
    [['--out'], /argument missing/],
    [['--mapping', 'm.json'], /name the folder with --data/],
    [['--data', 'd', '--world', 'shared'], /leave it out, or leave out --data/],
  ])('refuses %j with a message and exit status 2', (argv, message) => {
    let error: unknown;
    try {
      parseOptions(argv, folder);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'InvalidArgument', exitStatus: 2, message: expect.stringMatching(message) });
  });

  it('does not write over an earlier run', () => {
    mkdirSync(join(folder, 'run/coordinator'), { recursive: true });
    expect(() => parseOptions(['--out', 'run'], folder)).toThrow(/holds an earlier run/);
  });
});
