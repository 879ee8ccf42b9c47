import { type JobName, jobNames, modelSizes } from '@hansa/shared/model';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type EngineName, engineNames } from '../engines/engine.ts';
import { LEAST_LEVEL, MOST_LEVEL } from '../replenishment/levels.ts';
import { version } from '../version.ts';
import type { CommandContext } from './context.ts';
import type { ForecastOptions } from './forecast.ts';
import type { PlanOptions } from './plan.ts';

const example = `
Example:
  hansa-client check-data --config node.json
  hansa-client enrol --config node.json --token hansa2.…
  hansa-client run --config node.json

node.json:
  {
    "coordinator": "https://hansa.example.org",
    "folder": "node",
    "data": {
      "sources": [{ "file": "orders.csv", "columns": { "date": "order_date", "item": "sku", "quantity": "units" } }],
      "frequency": "day", "returns": "negative"
    }
  }

Exit status: 0 done, 1 failed, 2 bad input, 130 interrupted.`;

// A command's modules are loaded when it is asked for: DuckDB or Socket.IO would delay every --help.
const load = {
  enrol: async () => (await import('./enrol.ts')).enrol,
  approve: async () => (await import('./approve.ts')).approve,
  roster: async () => (await import('./roster.ts')).roster,
  run: async () => (await import('./run.ts')).run,
  checkData: async () => (await import('./checkData.ts')).checkData,
  evaluate: async () => (await import('./evaluate.ts')).evaluate,
  forecast: async () => (await import('./forecast.ts')).forecast,
  plan: async () => (await import('./plan.ts')).plan,
  evidenceList: async () => (await import('./evidence.ts')).evidenceList,
  evidenceShow: async () => (await import('./evidence.ts')).evidenceShow,
  doctor: async () => (await import('./doctor.ts')).doctor,
  nativeInstall: async () => (await import('./nativeInstall.ts')).nativeInstall,
  modelInit: async () => (await import('./modelInit.ts')).modelInit,
  modelImport: async () => (await import('./modelImport.ts')).modelImport,
  modelExport: async () => (await import('./modelExport.ts')).modelExport,
  modelAdd: async () => (await import('./modelAdd.ts')).modelAdd,
  modelMerge: async () => (await import('./modelMerge.ts')).modelMerge,
  modelEmbed: async () => (await import('./modelEmbed.ts')).modelEmbed,
};

const jsonHelp = 'one JSON document on standard output, everything else on standard error';

type Action<Options> = (options: Options, context: CommandContext, ...words: string[]) => Promise<number>;

/** The command line as a tree of commands; `perform` is called with the one that was asked for. */
export function createProgram(
  perform: (action: (context: CommandContext) => Promise<number>) => Promise<void>,
): Command {
  const program = new Command('hansa-client')
    .description("A merchant's node: trains on your own orders and takes part in a league's rounds. It only dials out.")
    .addHelpText('after', example)
    .version(version)
    .exitOverride();

  const command = <Options>(
    parent: Command,
    name: string,
    description: string,
    action: () => Promise<Action<Options>>,
  ): Command =>
    parent
      .command(name)
      .description(description)
      .option('--json', jsonHelp)
      .allowExcessArguments(false)
      // commander hands over the command's own words, then its options, then the command.
      .action((...given: unknown[]) => {
        const words = given.slice(0, -2) as string[];
        const options = given.at(-2) as Options;
        return perform(async (context) => (await action())(options, context, ...words));
      });
  const config = () => new Option('--config <file>', "the node's configuration (JSON)").makeOptionMandatory();

  command<{ config: string; token: string }>(program, 'enrol', 'join a federation with a one-time token', load.enrol)
    .addOption(config())
    .requiredOption('--token <token>', "the join token from the consortium's admin (hansa2.…)");
  program
    .command('approve')
    .description("vouch for a newcomer's key, in a federation without a consortium's approver")
    .argument('<client>', "the newcomer's id")
    .requiredOption(
      '--fingerprint <hex>',
      "the newcomer's key, as its operator reads it out to you (hansa-client roster)",
    )
    .addOption(config())
    .option('--json', jsonHelp)
    .allowExcessArguments(false)
    .action((client: string, options: { config: string; fingerprint: string }) =>
      perform(async (context) => (await load.approve())(client, options, context)),
    );
  command<{ config: string }>(
    program,
    'roster',
    "show this node's key and the roster it has pinned, to compare with other members; makes no connection",
    load.roster,
  ).addOption(config());
  command<{ config: string; untilTaskEnds?: boolean }>(
    program,
    'run',
    'take part in rounds until stopped (Ctrl-C)',
    load.run,
  )
    .addOption(config())
    .option('--until-task-ends', 'stop by itself once a task that this node takes part in has ended');
  command<{ config: string }>(
    program,
    'check-data',
    'read and clean the order files and report what was found; makes no connection',
    load.checkData,
  )
    .addOption(config())
    .option('--out <file>', 'write the report as a page too (.html)')
    .option('--overwrite', 'write over a file that exists', false);
  command<{ config: string; task?: string }>(
    program,
    'evaluate',
    'compare seasonal naive, local-only, federated and fine-tuned on your own hold-out',
    load.evaluate,
  )
    .addOption(config())
    .option('--task <id>', 'the task whose models are compared (default: the newest)');
  command<ForecastOptions>(
    program,
    'forecast',
    'write what every item will sell from the newest period on, as quantiles; makes no connection',
    load.forecast,
  )
    .addOption(config())
    .option('--task <id>', 'the task whose newest model forecasts (default: the newest)')
    .option('--model <file>', 'a model file instead: it forecasts before the first round too')
    .addOption(
      new Option('--periods <n>', 'how many periods ahead (default: all that the model forecasts)').argParser(periods),
    )
    .requiredOption('--out <file...>', 'where to write it: .csv, .parquet, .json or .html, several at once')
    .option('--overwrite', 'replace files that exist')
    .addOption(new Option('--language <code>', 'of the HTML page').choices(['en', 'zh']).default('en'));
  command<PlanOptions>(
    program,
    'plan',
    'propose what to order, from the forecast and what is in stock; makes no connection',
    load.plan,
  )
    .addOption(config())
    .option('--stock <file>', 'what is there: .csv, .csv.gz or .parquet (default: the stock that the order files tell)')
    .requiredOption('--out <file...>', 'where to write it: .csv, .json or .html, several at once')
    .option('--overwrite', 'replace files that exist')
    .addOption(
      new Option('--service-level <share>', 'for all items, 0.5 to 0.99 (default: theirs)').argParser(
        amount(LEAST_LEVEL, MOST_LEVEL),
      ),
    )
    .addOption(
      new Option('--budget <money>', 'what all orders together may cost')
        .argParser(amount(0, 1e15))
        .conflicts('capacity'),
    )
    .addOption(
      new Option(
        '--capacity <room>',
        'what all orders together may take up, by the column size (default: units)',
      ).argParser(amount(0, 1e15)),
    )
    .option('--previous <file>', 'the plan before, .csv or .json: an order changes only where that pays')
    .option('--task <id>', 'the task whose newest model forecasts (default: the newest)')
    .option('--model <file>', 'a model file instead: it forecasts before the first round too')
    .addOption(new Option('--language <code>', 'of reasons and page').choices(['en', 'zh']).default('en'));
  command<{ config: string }>(
    program,
    'doctor',
    'check machine, engine, folder, data, coordinator and enrolment',
    load.doctor,
  ).addOption(config());

  const evidence = program
    .command('evidence')
    .description('proof of a coordinator or a member that contradicted itself under its own signature')
    .exitOverride();
  command<{ config: string }>(evidence, 'list', 'what this node has kept', load.evidenceList).addOption(config());
  command<{ config: string }>(evidence, 'show', 'one piece, checked again', load.evidenceShow)
    .argument('<id>', 'the id from the list; its first digits are enough')
    .addOption(config());

  const native = program.command('native').description("TensorFlow.js's native engine").exitOverride();
  command<{ gpu?: boolean; from?: string; index?: string; compiler: string }>(
    native,
    'install',
    'get a current libtensorflow and compile the native engine against it (Linux; needs a C++ compiler)',
    load.nativeInstall,
  )
    .option('--gpu', 'with CUDA, for an NVIDIA card: some 2.5 GB to download')
    .option(
      '--from <folder>',
      'a folder with libtensorflow and its headers, such as an installed Python package tensorflow',
    )
    .addOption(
      new Option('--index <url>', 'a Python package index (default: https://pypi.org/simple/)').argParser(webAddress),
    )
    .option('--compiler <command>', 'C++ compiler', 'c++');

  const model = program.command('model').description('model files').exitOverride();
  command<{ size: (typeof modelSizes)[number]; jobs: readonly JobName[]; seed: number; out: string }>(
    model,
    'init',
    'write a model with seeded starting weights, for a task to start from',
    load.modelInit,
  )
    .addOption(new Option('--size <size>', 'how large').choices([...modelSizes]).default('nano'))
    .addOption(new Option('--jobs <job...>', 'what it is for').choices([...jobNames]).default(['demand']))
    .addOption(new Option('--seed <n>', 'decides the weights').argParser(seed).default(0))
    .requiredOption('--out <file>', 'where to write it (.safetensors)');
  command<{ jobs: readonly JobName[]; seed: number; out: string }>(
    model,
    'add',
    'write a model that has further jobs besides its own; its other weights stay the same',
    load.modelAdd,
  )
    .argument('<model>', 'a model file')
    .addOption(new Option('--jobs <job...>', 'which ones').choices([...jobNames]).makeOptionMandatory())
    .addOption(
      new Option('--seed <n>', 'decides the weights of the new embedders and heads').argParser(seed).default(0),
    )
    .requiredOption('--out <file>', 'where to write it (.safetensors)');
  command<{ jobs?: readonly JobName[]; seed: number; out: string }>(
    model,
    'import',
    "make a model of a public BERT's weights, for a task to start from; makes no connection",
    load.modelImport,
  )
    .argument('<folder>', 'config.json, model.safetensors (or its shards) and tokenizer.json, as on Hugging Face')
    .addOption(
      new Option(
        '--jobs <job...>',
        'what it is for (default: demand, or what hansa.safetensors in the folder is for)',
      ).choices([...jobNames]),
    )
    .addOption(
      new Option('--seed <n>', 'decides the weights that public models lack: embedders and heads')
        .argParser(seed)
        .default(0),
    )
    .requiredOption('--out <file>', 'where to write it (.safetensors); its tokenizer goes beside it');
  command<{ out: string; tokenizer?: string }>(
    model,
    'export',
    "write a model in Hugging Face's layout, for Python and for import",
    load.modelExport,
  )
    .argument('<model>', 'a model file')
    .requiredOption('--out <folder>', 'where to write it; it must not exist')
    .option('--tokenizer <file>', 'its tokenizer (default: NAME.tokenizer.json beside it)');
  command<{ base: string; out: string }>(
    model,
    'merge',
    "write the model that a task's adapter (plan.mode lora, roLora, headOnly) makes of its base model",
    load.modelMerge,
  )
    .argument('<adapter>', 'an adapter, as hansa-coordinator model export gives it')
    .requiredOption('--base <file>', 'the model that the task began with')
    .requiredOption('--out <file>', 'where to write it (.safetensors)');
  command<{ text?: string[]; file?: string; tokenizer?: string; engine: EngineName | 'auto'; tokens?: boolean }>(
    model,
    'embed',
    'turn texts into vectors with an imported model; makes no connection',
    load.modelEmbed,
  )
    .argument('<model>', 'a model file')
    .option('--text <text...>', 'texts')
    .option('--file <file>', 'one text per line')
    .option('--tokenizer <file>', 'its tokenizer (default: NAME.tokenizer.json beside it)')
    .addOption(
      new Option('--engine <name>', 'what computes; auto takes the first that works')
        .choices(['auto', ...engineNames])
        .default('auto'),
    )
    .option('--tokens', "with --json: each text's tokens and their hidden states too");
  return program;
}

function periods(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1.');
  return value;
}

const amount = (low: number, high: number) => (text: string) => {
  const value = Number(text);
  if (text.trim() === '' || !(value >= low && value <= high))
    throw new InvalidArgumentError(`It must be a number from ${low} to ${high}.`);
  return value;
};

function seed(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number from 0.');
  return value;
}

function webAddress(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('It must be an address that begins with https:// or http://.');
  return text;
}
