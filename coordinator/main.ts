import path from 'node:path';
import { maxClients } from '@hansa/aggregation/secagg/parameters';
import { systemClock } from '@hansa/shared/clock';
import { HansaError, toProblem } from '@hansa/shared/errors';
import { type LogLevel, logLevels } from '@hansa/shared/log';
import { maxCompleteCohort } from '@hansa/shared/protocol/secagg';
import { systemRandom } from '@hansa/shared/random';
import { Command, CommanderError, Option } from 'commander';
import { connectAdmin } from './commands/adminClient.ts';
import { initApprover } from './commands/approver.ts';
import { listClients, makeToken, type TokenOptions } from './commands/clientCommands.ts';
import { listEvidence, showEvidence } from './commands/evidenceCommands.ts';
import { exportModel, listModels } from './commands/modelCommands.ts';
import { createOutput, type Output } from './commands/output.ts';
import { listRounds, showRound } from './commands/roundCommands.ts';
import { type ParameterOptions, parseClients, parseRate, showParameters } from './commands/secaggCommands.ts';
import type { ServeOptions } from './commands/serve.ts';
import { serveConfigHelp } from './commands/serveConfig.ts';
import { abortTask, createTask, listTasks, showTask } from './commands/taskCommands.ts';
import { version } from './version.ts';

/** Defaults do not depend on where the person stands. */
const standardData = path.join(import.meta.dirname, '..', 'hansa-data');

/**
 * Runs one command and resolves to its exit status: 0 done, 1 failed, 2 bad input, 130 interrupted.
 *
 * The only place that reads the environment: HANSA_COORDINATOR_DATA (the default of --data) and HANSA_LOG_LEVEL (of --log-level).
 */
export async function main(argv: readonly string[]): Promise<number> {
  const output = createOutput(
    argv.includes('--json'),
    (text) => process.stdout.write(text),
    (text) => process.stderr.write(text),
  );
  // A reader that has gone (a pipe into head) is no fault; whatever else is wrong with the stream, there is nowhere to say it.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  let status = 0;
  const program = commandLine(output, (code) => {
    status = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return status;
  } catch (error) {
    return report(error, output);
  }
}

function report(error: unknown, output: Output): number {
  if (error instanceof CommanderError) {
    // Help and version are answers, not faults; commander has written its message already.
    if (error.exitCode === 0) return 0;
    if (output.json) output.answer(toProblem(new HansaError('InvalidArgument', error.message)), () => []);
    return 2;
  }
  const known = error instanceof HansaError ? error : undefined;
  if (output.json) output.answer(toProblem(error), () => []);
  output.note(known === undefined ? `Internal error: ${(error as Error).stack}` : `Error: ${known.message}`);
  return known?.code === 'Interrupted' ? 130 : (known?.exitStatus ?? 1);
}

function commandLine(output: Output, exit: (status: number) => void): Command {
  const program = new Command('hansa-coordinator')
    .description('Runs the rounds of a Hansa federation.')
    .version(version)
    .configureOutput({ writeErr: (text) => output.note(text.trimEnd()) })
    .showHelpAfterError('(--help shows what is possible)')
    .exitOverride();
  const data = () =>
    new Option('--data <dir>', "the coordinator's data folder")
      .env('HANSA_COORDINATOR_DATA')
      .default(standardData, 'hansa-data in the project');
  const json = () => new Option('--json', 'one JSON document on standard output');
  const leaf = (parent: Command, name: string, description: string) =>
    parent.command(name).description(description).addOption(data()).addOption(json());

  leaf(program, 'serve', 'Run the coordinator until Ctrl-C.')
    .option('--host <host>', 'address to listen on (default: 127.0.0.1)')
    .addOption(new Option('--port <port>', 'port; 0 takes any free one (default: 8470)').argParser(parsePort))
    .option('--config <file>', 'JSON file; its keys are listed below')
    .option('--tls-cert <file>', 'certificate (PEM): serve https')
    .option('--tls-key <file>', "the certificate's key (PEM)")
    .addOption(
      new Option('--log-level <level>', 'log on standard error')
        .env('HANSA_LOG_LEVEL')
        .choices(logLevels)
        .default('info' satisfies LogLevel),
    )
    .addHelpText('after', serveConfigHelp())
    .action(async (options: ServeOptions, command: Command) => {
      // The servers take a second to load: the other commands do without them.
      const { serve } = await import('./commands/serve.ts');
      const dataArgument = command.getOptionValueSource('data') === 'default' ? '' : ` --data ${options.data}`;
      exit(await serve(options, output, dataArgument));
    });

  const task = program.command('task').description('Tasks: what the federation trains.');
  leaf(task, 'create', 'Create a task from a JSON file and store its starting model.')
    .argument('<file>', 'task file')
    .action((file: string, options: Data) => createTask(file, connectAdmin(options.data), output));
  leaf(task, 'list', 'List all tasks.').action((options: Data) => listTasks(connectAdmin(options.data), output));
  leaf(task, 'show', 'Show one task.')
    .argument('<task>', 'its id')
    .action((id: string, options: Data) => showTask(id, connectAdmin(options.data), output));
  leaf(task, 'abort', 'Stop a task for good.')
    .argument('<task>', 'its id')
    .action((id: string, options: Data) => abortTask(id, connectAdmin(options.data), output));

  const round = program.command('round').description('Rounds: what came of each attempt.');
  leaf(round, 'list', 'List the attempts of a task.')
    .argument('<task>', 'its id')
    .action((id: string, options: Data) => listRounds(id, connectAdmin(options.data), output));
  leaf(round, 'show', 'Show one attempt.')
    .argument('<task>', "the task's id")
    .argument('<attempt>', 'number of the attempt, from 1')
    .action((id: string, attempt: string, options: Data) => showRound(id, attempt, connectAdmin(options.data), output));

  const model = program.command('model').description('Models: every start and every committed round.');
  leaf(model, 'list', 'List all models.').action((options: Data) => listModels(connectAdmin(options.data), output));
  leaf(model, 'export', 'Write a model to a safetensors file.')
    .argument('<hash>', 'SHA-256 of the model')
    .requiredOption('--out <file>', 'file to write')
    .action((hash: string, options: Data & { out: string }) =>
      exportModel(hash, options.out, connectAdmin(options.data), output),
    );

  const evidence = program.command('evidence').description('Proof that a member contradicted itself.');
  leaf(evidence, 'list', 'List all of it.').action((options: Data) => listEvidence(connectAdmin(options.data), output));
  leaf(evidence, 'show', 'Show one piece and check it again.')
    .argument('<id>', 'as the list gives it; its first digits are enough')
    .action((id: string, options: Data) => showEvidence(id, connectAdmin(options.data), output));

  const secagg = program.command('secagg').description('Secure aggregation.');
  secagg
    .command('parameters')
    .description('Find the degree and the threshold of the sparse graph for a cohort.')
    .requiredOption('--clients <n>', `members of the cohort, 2 to ${maxClients}`, parseClients)
    .requiredOption(
      '--corrupt <rate>',
      'share of them that may work with the coordinator, 0 to 1',
      parseRate('--corrupt'),
    )
    .requiredOption('--dropout <rate>', 'share of them that may drop out, 0 to 1', parseRate('--dropout'))
    .addOption(
      new Option(
        '--server <model>',
        'what the coordinator may do beside looking: nothing, or tell members different things',
      )
        .choices(['semiHonest', 'semiMalicious'])
        .default('semiMalicious'),
    )
    .addOption(json())
    .addHelpText(
      'after',
      `
The answer is always for the sparse graph of SecAgg+ (a Harary graph: members on a ring in random order), at 40 bits of security and 20 of
correctness: the smallest even degree that does, and the smallest threshold with it. The degree counts a member's neighbours, not the member itself.
A task decides which graph is used: complete (up to ${maxCompleteCohort} members, every member holds shares of all) or k-out (each member draws its own holders, at
least as many as the degree; secureAggregation.graph in the task file). Exit status 0 whether or not there are parameters.`,
    )
    .action((options: ParameterOptions) => showParameters(options, output));
  const approver = program.command('approver').description("The consortium's offline key: who may join.");
  approver
    .command('init')
    .description("Make the key, on the admin's own machine: the coordinator must never have it.")
    .requiredOption('--out <file>', 'file to write; it must not exist')
    .addOption(json())
    .action((options: { out: string }) => initApprover(options.out, systemRandom, output));

  const enrol = program.command('enrol').description('Enrolment of nodes.');
  leaf(
    enrol,
    'token',
    'Make a one-time join token for a merchant. Run it where the approver key is, not on the coordinator.',
  )
    .requiredOption('--label <name>', "the merchant's name; the merchant's node never hears it")
    .option('--approver <file>', "the consortium's approver key (approver init)")
    .option(
      '--by-members',
      'for a federation without an approver: members approve each newcomer (hansa-client approve)',
    )
    .option('--valid <time>', 'how long the token is good: 30m, 24h, 7d', '24h')
    .action((options: Data & TokenOptions) =>
      makeToken(options, connectAdmin(options.data), output, { clock: systemClock, random: systemRandom }),
    );

  const client = program.command('client').description('Enrolled nodes.');
  leaf(client, 'list', 'List all enrolled nodes.').action((options: Data) =>
    listClients(connectAdmin(options.data), output),
  );
  return program;
}

interface Data {
  readonly data: string;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new HansaError('InvalidArgument', `--port takes a whole number from 0 to 65535, not "${text}".`);
}
