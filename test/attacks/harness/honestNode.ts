import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { enrolNode, readNodeConfig, runNode, SocketConnection } from '@hansa/client-node/session';
import { systemClock } from '@hansa/shared/clock';
import { createLogger } from '@hansa/shared/log';
import { type RandomSource, systemRandom } from '@hansa/shared/random';
import { ordersOfNode } from '../../endToEnd/processLeague.ts';
import { knownTrainer } from './trainer.ts';

export interface HonestNodeOptions {
  readonly folder: string;
  readonly address: string;
  readonly joinToken: string;
  readonly policy: object;
  readonly member: number;
  readonly windows: () => number;
  readonly update: Float32Array | undefined;
  /** Called when the node reports that it abandoned a set-up. */
  readonly gaveUp: (code: string) => void;
}

/** A member that follows the protocol. */
export class HonestNode {
  readonly #options: HonestNodeOptions;
  readonly #configFile: string;
  #stop = new AbortController();
  #finished: Promise<unknown> = Promise.resolve();

  private constructor(options: HonestNodeOptions) {
    this.#options = options;
    this.#configFile = join(options.folder, 'node.json');
  }

  /** Writes the node's folder and enrols it. */
  static async enrol(options: HonestNodeOptions): Promise<HonestNode> {
    const node = new HonestNode(options);
    mkdirSync(options.folder, { recursive: true });
    writeFileSync(node.#configFile, JSON.stringify(configOf(options)));
    const signal = new AbortController().signal;
    await enrolNode(readNodeConfig(node.#configFile), options.joinToken, systemRandom, signal);
    return node;
  }

  /** The node's config file. */
  get configFile(): string {
    return this.#configFile;
  }

  /** Starts the node; {@link finished} rejects with why it could not go on. */
  start(): void {
    const { gaveUp, member, windows, update } = this.#options;
    this.#stop = new AbortController();
    this.#finished = runHonestNode(this.#configFile, this.#stop.signal, member, { windows, update, gaveUp });
    this.#finished.catch(() => undefined);
  }

  get finished(): Promise<unknown> {
    return this.#finished;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#finished.catch(() => undefined);
  }

  /** The node's journal, as it is on disk. */
  journal(): string {
    return readFileSync(join(this.#options.folder, 'data', 'journal.jsonl'), 'utf8');
  }

  /** Ids of the evidence that the node has kept. */
  evidence(): readonly string[] {
    try {
      return readdirSync(join(this.#options.folder, 'data', 'evidence'));
    } catch {
      return [];
    }
  }

  /** The words that the node masked in a set-up, which nobody else may learn. */
  truth(taskId: string, round: number, attempt: number): Uint8Array {
    return readFileSync(join(this.#options.folder, 'data', 'updates', `${taskId}-${round}-${attempt}.u32`));
  }
}

/** Runs the product's node with a known update in place of training, until the signal aborts. */
export function runHonestNode(
  configFile: string,
  signal: AbortSignal,
  member: number,
  {
    gaveUp,
    windows = () => 10,
    update,
    random = systemRandom,
  }: {
    readonly gaveUp: (code: string) => void;
    readonly windows?: () => number;
    readonly update?: Float32Array | undefined;
    readonly random?: RandomSource;
  },
): Promise<unknown> {
  return runNode({
    config: readNodeConfig(configFile),
    clock: systemClock,
    random,
    log: createLogger('attacks', 'silent'),
    signal,
    untilTaskEnds: false,
    onEvent: (event) => {
      // A node also abandons a set-up when a newer one is opened: that says nothing about the newer one.
      if (event.type === 'roundAbandoned' && event.code !== 'CoordinatorRestarted') gaveUp(event.code);
    },
    connect: (options) => new SocketConnection(options),
    startTrainer: async () => knownTrainer(member, windows, update),
  });
}

const configOf = ({ address, policy }: HonestNodeOptions) => ({
  coordinator: address,
  folder: 'data',
  data: ordersOfNode,
  training: { keepUpdates: true },
  policy,
});
