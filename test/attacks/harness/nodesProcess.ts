import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { takenAway } from './takenAway.ts';

export interface NodeOrder {
  readonly member: number;
  readonly configFile: string;
}

/** What a process of nodes reports. */
export type FromNodes =
  | { readonly type: 'gaveUp'; readonly member: number; readonly code: string }
  | { readonly type: 'drawn'; readonly veiled: string }
  | { readonly type: 'collected' };

/** Bytes in an encoding in which a search for them does not find them. */
export const veiled = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte ^ 0xa5).join(',');

/** Honest nodes in a separate process, without the defences that this process lacks. */
export class NodesProcess {
  /** All draws of 32 random bytes by the nodes, their secrets among them. */
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

  /** Has the nodes' process collect its garbage. */
  async collectGarbage(): Promise<void> {
    this.#child.send({});
    for (;;) {
      const [message] = (await once(this.#child, 'message')) as [FromNodes];
      if (message.type === 'collected') return;
    }
  }

  /** Kills the process, as a crash would: it sends nothing and cleans nothing up. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'close');
  }
}
