import { HansaError, toProblem } from '@hansa/shared/errors';
import { SingleBar } from 'cli-progress';

/** Where a command writes. */
export interface Terminal {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** What a command prints: lines for people and, with --json, one document for programs. */
export interface Output {
  readonly json: boolean;
  /** A line of the answer; with --json it goes to standard error. */
  line(text: string): void;
  /** A line that is not part of the answer, always on standard error. */
  note(text: string): void;
  /** Shows progress: a bar on a terminal, nothing elsewhere. */
  progress(label: string, done: number, total: number): void;
  /** Removes the bar. */
  progressDone(): void;
  /** The document that --json asks for, once; nothing without it. */
  document(value: unknown): void;
}

export function createOutput(terminal: Terminal, json: boolean): Output {
  const { stdout, stderr } = terminal;
  let bar: SingleBar | undefined;
  let label = '';
  const progressDone = () => {
    bar?.stop();
    bar = undefined;
  };
  const write = (stream: NodeJS.WritableStream, text: string) => {
    progressDone();
    stream.write(`${text}\n`);
  };
  return {
    json,
    line: (text) => write(json ? stderr : stdout, text),
    note: (text) => write(stderr, text),
    progress(newLabel, done, total) {
      if (!stderr.isTTY || total === 0) return;
      if (bar === undefined || label !== newLabel) {
        progressDone();
        label = newLabel;
        bar = new SingleBar({
          stream: stderr,
          format: `${label} [{bar}] {percentage} %`,
          clearOnComplete: true,
          hideCursor: false,
          // The command handles signals, not the progress bar.
          gracefulExit: false,
        });
        bar.start(total, done);
      }
      bar.setTotal(total);
      bar.update(done);
    },
    progressDone,
    document(value) {
      progressDone();
      if (json) stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    },
  };
}

/** Prints an error, as a problem document with --json, and returns the exit status. `interrupted`: a person stopped the command. */
export function reportError(error: unknown, output: Output, interrupted: boolean): number {
  if (interrupted) {
    output.document(toProblem(new HansaError('Interrupted', 'The command was interrupted.')));
    output.note('Interrupted.');
    return 130;
  }
  const known = error instanceof HansaError ? error : undefined;
  output.document(toProblem(error));
  if (known !== undefined) output.note(`${known.code}: ${known.message}`);
  else
    output.note(
      `Internal: this is a fault of Hansa, not yours.\n${error instanceof Error ? error.stack : String(error)}`,
    );
  return known?.exitStatus ?? 1;
}

/** A count as people read it: 12,345. */
export const count = (value: number): string => value.toLocaleString('en-US');
