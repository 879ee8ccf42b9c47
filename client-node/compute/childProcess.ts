import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A TypeScript file that runs in a process of its own and talks in structured messages. */
export interface Child {
  /** Sends a message; does nothing once the child has ended. */
  send(message: unknown): void;
  /** Settles when the process is gone, with the reason in words ('it exited with status 1: …'). Never rejects. */
  readonly ended: Promise<string>;
  /** Ends the process at once. */
  kill(): void;
}

/** Characters of a child's last words that are kept for the reason of its end. */
const LAST_WORDS = 2000;

// The loader's own address: the child must find it from any working folder.
const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/**
 * Starts `file` under tsx with `parameters`.
 *
 * @param onMessage every message the child sends, in order
 * @param onOutput what the child prints, in pieces
 */
export function startChild(
  file: URL,
  parameters: readonly string[],
  onMessage: (message: unknown) => void,
  onOutput: (text: string) => void = () => undefined,
): Child {
  const child = fork(fileURLToPath(file), parameters, {
    execArgv: ['--expose-gc', '--import', loader],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let lastWords = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-LAST_WORDS);
      onOutput(text);
    });
  }
  child.on('message', onMessage);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`it could not be started: ${error.message}`));
    // 'close' comes after the output is read to its end, so that the last words are whole.
    child.once('close', (status, signal) => {
      const how = signal === null ? `it exited with status ${status}` : `it was ended by ${signal}`;
      const words = lastLine(lastWords);
      resolve(words === '' ? how : `${how}: ${words}`);
    });
  });
  return {
    send(message) {
      if (child.connected) child.send(message as object, () => undefined);
    },
    ended,
    kill() {
      child.kill('SIGKILL');
    },
  };
}

// An uncaught error prints "Error: message" above its stack; without one the last line says most.
function lastLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  const error = lines.findLast((line) => /^(\w*Error)\b.*:/.test(line));
  return (error ?? lines.findLast((line) => line !== '') ?? '').slice(0, 300);
}
