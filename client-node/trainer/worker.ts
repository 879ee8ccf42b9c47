import { writeSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { HansaError } from '@hansa/shared/errors';
import { runOnEngine } from '../compute/runOnEngine.ts';
import type { FromWorker, ToWorker } from './workerMessages.ts';

// The process that holds TensorFlow.js and a merchant's data. Its parent (trainer.ts) answers the network meanwhile.

const tell = (message: FromWorker): void => {
  process.send?.(message);
};

/** The parent takes a process's last line for the reason of its end. */
function endWith({ name, message }: Error): never {
  writeSync(process.stderr.fd, `${name}: ${message}\n`);
  process.exit(1);
}

const running = new Map<number, AbortController>();
const queued: ToWorker[] = [];
let perform: ((message: ToWorker) => void) | undefined;
process.on('message', (message: ToWorker) => {
  if (perform === undefined) queued.push(message);
  else perform(message);
});

if (await runOnEngine()) {
  try {
    // Rounds have deadlines on messages, not on arithmetic: whoever talks to the coordinator goes first.
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // A system that does not allow it is no slower than without.
  }
  // Loaded once the parent has heard of this process: it brings in everything that reads data and trains.
  const { requestRunner } = await import('./performRequests.ts');
  const requests = requestRunner();
  perform = (message) => {
    if (message.type === 'cancel') {
      running.get(message.id)?.abort();
      return;
    }
    const { id } = message;
    const controller = new AbortController();
    running.set(id, controller);
    requests
      .run(message.name, message.request, {
        signal: controller.signal,
        onProgress: (progress) => tell({ type: 'progress', id, progress }),
      })
      .then(
        (result) => tell({ type: 'done', id, result }),
        (error: unknown) => {
          // The wasm engine ran off its memory: whatever it computes from now on is wrong. Another process can go on from the checkpoint.
          if (error instanceof Error && error.name === 'RuntimeError') endWith(error);
          tell({
            type: 'failed',
            id,
            ...(error instanceof HansaError
              ? { code: error.code, message: error.message }
              : {
                  code: 'TrainingFailed',
                  message: error instanceof Error ? (error.stack ?? error.message) : String(error),
                }),
          });
        },
      )
      .finally(() => running.delete(id));
  };
  for (const message of queued) perform(message);
} else {
  process.disconnect();
}
