import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type EngineName, engineNames } from '@hansa/client-node/compute';
import { HansaError } from '@hansa/shared/errors';
import type { ModelSize, TrainingMode } from '@hansa/shared/model';
import { maxCompleteCohort } from '@hansa/shared/protocol/secagg';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type World, worlds } from './generator/index.ts';

/** Sizes that two cores train within minutes. */
export const demoSizes = ['nano', 'tiny'] as const satisfies readonly ModelSize[];
export type DemoSize = (typeof demoSizes)[number];

/** What the league trains of its model, as plan.mode.kind has it. */
export const demoModes = ['full', 'headOnly', 'lora', 'roLora'] as const satisfies readonly TrainingMode['kind'][];
export type DemoMode = (typeof demoModes)[number];

/** What one run of the demo was asked for; paths are absolute. */
export interface DemoOptions {
  /** A folder of real orders; undefined: orders are generated. */
  readonly data: string | undefined;
  readonly mapping: string | undefined;
  readonly merchants: number;
  readonly rounds: number;
  readonly size: DemoSize;
  readonly mode: DemoMode;
  readonly engine: EngineName | 'auto';
  readonly world: World;
  readonly seed: number;
  readonly out: string;
  readonly json: string | undefined;
  readonly keep: boolean;
}

export type ParsedOptions =
  | { readonly kind: 'run'; readonly options: DemoOptions }
  | { readonly kind: 'help'; readonly text: string };

/** A cohort of fewer hides too little, and no node would agree to it. */
const minMerchants = 5;
const maxMerchants = maxCompleteCohort;

function whole(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < low || value > high) {
      throw new InvalidArgumentError(`It must be a whole number from ${low} to ${high}.`);
    }
    return value;
  };
}

/**
 * Reads the command line of the demo.
 *
 * @param argv arguments after the program's name.
 * @param folder the folder that relative paths are relative to.
 * @throws HansaError InvalidArgument (with what is wrong)
 */
export function parseOptions(argv: readonly string[], folder: string): ParsedOptions {
  let help = '';
  const command = new Command('npm run demo --')
    .description('A league of merchants, each a process of its own, trains one model by secure aggregation.')
    .addOption(new Option('--data <folder>', 'real orders instead of generated ones'))
    .addOption(
      new Option(
        '--mapping <file>',
        'what the columns of those files mean (default: hansa-mapping.json in the folder)',
      ),
    )
    .addOption(
      new Option('--merchants <n>', `how many merchants take part, ${minMerchants} to ${maxMerchants}`)
        .argParser(whole(minMerchants, maxMerchants))
        .default(6),
    )
    .addOption(new Option('--rounds <n>', 'rounds of training, 1 to 1000').argParser(whole(1, 1000)).default(10))
    .addOption(new Option('--size <size>', 'size of the model').choices(demoSizes).default('nano'))
    .addOption(new Option('--mode <kind>', 'what is trained and sent of it').choices(demoModes).default('full'))
    .addOption(new Option('--engine <name>', 'engine that trains').choices(['auto', ...engineNames]).default('auto'))
    .addOption(
      new Option('--world <name>', 'shared: merchants have much in common; unrelated: nothing')
        .choices(worlds)
        .default('shared'),
    )
    .addOption(
      new Option('--seed <n>', 'seed of orders, model and batches').argParser(whole(0, 2 ** 31 - 1)).default(1),
    )
    .addOption(new Option('--out <folder>', 'where everything is written (default: hansa-demo/<start time>)'))
    .addOption(new Option('--json <file>', 'writes the figures as JSON'))
    .addOption(new Option('--keep', 'leaves coordinator and nodes running at the end').default(false))
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeOut: (text) => (help += text), writeErr: () => undefined, outputError: () => undefined });

  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return { kind: 'help', text: help };
    throw new HansaError('InvalidArgument', `${sentence(error.message)} See npm run demo -- --help.`);
  }
  const given = command.opts<{
    data?: string;
    mapping?: string;
    merchants: number;
    rounds: number;
    size: DemoSize;
    mode: DemoMode;
    engine: EngineName | 'auto';
    world: World;
    seed: number;
    out?: string;
    json?: string;
    keep: boolean;
  }>();
  if (given.mapping !== undefined && given.data === undefined) {
    throw new HansaError(
      'InvalidArgument',
      '--mapping says what the columns of a folder mean; name the folder with --data.',
    );
  }
  if (given.data !== undefined && command.getOptionValueSource('world') === 'cli') {
    throw new HansaError(
      'InvalidArgument',
      '--world is a kind of generated orders; leave it out, or leave out --data.',
    );
  }
  const path = (name: string): string => resolve(folder, name);
  const out = path(given.out ?? `hansa-demo/${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}`);
  if (existsSync(resolve(out, 'coordinator'))) {
    throw new HansaError(
      'InvalidArgument',
      `${out} holds an earlier run. Choose another folder with --out, or remove it.`,
    );
  }
  const json = given.json === undefined ? undefined : path(given.json);
  if (json !== undefined && statSync(json, { throwIfNoEntry: false })?.isDirectory()) {
    throw new HansaError('InvalidArgument', `${json} is a folder; --json takes the file to write.`);
  }
  return {
    kind: 'run',
    options: {
      ...given,
      data: given.data === undefined ? undefined : path(given.data),
      mapping: given.mapping === undefined ? undefined : path(given.mapping),
      out,
      json,
    },
  };
}

function sentence(message: string): string {
  const text = message.replace(/^error: /, '').trim();
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
