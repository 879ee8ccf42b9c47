import { describe, expect, it, vi } from 'vitest';
import { createProgram } from './program.ts';

const program = createProgram(async () => undefined);
const leaves = program.commands.flatMap((command) => (command.commands.length > 0 ? command.commands : [command]));

describe('the command line', () => {
  it('has the commands that its documentation names', () => {
    expect(leaves.map((command) => command.name())).toEqual([
      'enrol',
      'approve',
      'roster',
      'run',
      'check-data',
      'evaluate',
      'forecast',
      'plan',
      'doctor',
      'list',
      'show',
      'install',
      'init',
      'add',
      'import',
      'export',
      'merge',
      'embed',
    ]);
  });

  it.each(leaves.map((command) => [command.name(), command] as const))(
    '%s has --help and --json, and says what it does',
    (_name, command) => {
      expect(command.description()).not.toBe('');
      expect(command.helpInformation()).toContain('--help');
      expect(command.options.map(({ long }) => long)).toContain('--json');
    },
  );

  it.each(['foo', 'file:///somewhere'])('takes no "%s" for the address of a package index', async (address) => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const parsed = program.parseAsync(['native', 'install', '--index', address], { from: 'user' });
    await expect(parsed).rejects.toMatchObject({
      code: 'commander.invalidArgument',
      message: expect.stringContaining('https://'),
    });
    vi.restoreAllMocks();
  });
});
