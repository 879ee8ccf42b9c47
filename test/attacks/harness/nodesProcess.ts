import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { takenAway } from './takenAway.ts';

export interface NodeOrder {
  readonly member: number;
  readonly configFile: string;
}

/** What a process of nodes tells. */
export type FromNodes =
  | { readonly type: 'gaveUp'; readonly member: number; readonly code: string }
  | { readonly type: 'drawn'; readonly veiled: string }
  | { readonly type: 'collected' };

/** Bytes in a spelling that a search for them does not find. */
export const veiled = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte ^ 0xa5).join(',');

/** Honest nodes in a process of their own, without what this process does without. */
export class NodesProcess {
  /** Every 32 bytes that the nodes drew at random: their secrets are among them. */
  readonly drawn: Uint8Array[] = [];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(
    nodes: readonly NodeOrder[],
    gaveUp: (member: number, code: string) => void,
  ): Promise<NodesProcess> {
    const order = JSON.stringify({ edits: takenAway(), nodes });
    const child = fork(fileURLToPath(new URL('./nodesProcess.mjs', import.meta.url)), [order], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const started = new NodesProcess(child);
    child.on('message', (message: FromNodes) => {
      if (message.type === 'gaveUp') gaveUp(message.member, message.code);
      if (message.type === 'drawn')
        started.drawn.push(Uint8Array.from(message.veiled.split(','), (byte) => Number(byte) ^ 0xa5));
    });
    await once(child, 'spawn');
    return started;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Lets the nodes' process throw away what it no longer uses. */
  async collectGarbage(): Promise<void> {
    this.#child.send({});
    for (;;) {
      const [message] = (await once(this.#child, 'message')) as [FromNodes];
      if (message.type === 'collected') return;
    }
  }

  /** As a crash: nothing is said and nothing tidied up. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'close');
  }
}
