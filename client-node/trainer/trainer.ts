import { HansaError } from '@hansa/shared/errors';
import type { Logger } from '@hansa/shared/log';
import type { Child } from '../compute/childProcess.ts';
import { type EngineChoice, firstUsable } from '../compute/chooseEngine.ts';
import { startOnEngine } from '../compute/engineTrial.ts';
import type { EngineName } from '../engines/engine.ts';
import type { ForecastRequest, ForecastResult } from '../forecasting/writeForecasts.ts';
import type { JobDataConfig } from '../jobs/job.ts';
import type {
  CompareRequest,
  CompareResult,
  Held,
  LoadedData,
  LoadResult,
  RequestProgress,
  TrainRequest,
  TrainResult,
} from './requests.ts';
import type { FromWorker, RequestName, Requests, ToWorker } from './workerMessages.ts';

export interface TrainerOptions {
  /** An engine's name tries that one alone. */
  readonly engine: EngineName | 'auto';
  /** One entry for each job that there is data for. */
  readonly data: readonly JobDataConfig[];
  /** Folder that the data's file names are relative to. */
  readonly baseFolder: string;
  /** Folder for temporary files of reading the data; it must exist. */
  readonly scratchFolder: string;
  readonly log: Logger;
  /** Ends the trainer and whatever it is doing. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress;
  /** The process has gone by itself and another one takes over. `reason` says how it ended. */
  readonly onRestart?: (reason: string) => void;
}

/** So many times in a row the process may go without having got further; then its request fails. */
const MOST_CRASHES = 3;

type OnProgress = (progress: RequestProgress) => void;

/**
 * A merchant's data and the training engine, in a process of their own.
 *
 * Requests run one after another in the order they are asked for. A process that goes by itself is replaced by another on the same engine, which reads the
 * data again and goes on with what was not finished, training from its last checkpoint where the data is the same. All reject with HansaError: the request's own fault, TrainingFailed
 * where the process goes again and again, Interrupted where a signal aborted. A request's signal stops that request after the step it is in and leaves the
 * trainer usable.
 */
export interface Trainer {
  readonly engine: EngineChoice;
  /** What the process has loaded that runs now. */
  readonly data: readonly LoadedData[];
  /** What that process held before it held a model. */
  readonly held: Held;
  train(request: TrainRequest, onProgress?: OnProgress, signal?: AbortSignal): Promise<TrainResult>;
  compare(request: CompareRequest, onProgress?: OnProgress, signal?: AbortSignal): Promise<CompareResult>;
  forecast(request: ForecastRequest, onProgress?: OnProgress, signal?: AbortSignal): Promise<ForecastResult>;
  /** Ends the process; resolves when it is gone. What is still running rejects with Interrupted. */
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: HansaError) => void;
  readonly onProgress: OnProgress | undefined;
}

/**
 * Starts the training process on the first engine that works here and loads the merchant's data in it.
 *
 * @throws HansaError EngineUnusable (with every engine's reason), InvalidData, Interrupted (when the signal aborts)
 * @throws what loading the data throws
 */
export async function startTrainer(options: TrainerOptions): Promise<Trainer> {
  const { log, signal, onRestart } = options;
  let process = await startProcess(options, options.engine);
  let replacing: Promise<void> | undefined;
  let isClosed = false;
  /** Once, however many requests have lost their process. */
  const replace = (reason: string): Promise<void> => {
    replacing ??= (async () => {
      log.warn({ reason }, 'the training process has gone; another is started');
      onRestart?.(reason);
      process = await startProcess(options, process.engine.name, process.loaded.held);
      if (isClosed) await process.close();
    })().finally(() => {
      replacing = undefined;
    });
    return replacing;
  };
  const run = async <Name extends RequestName>(
    name: Name,
    request: Requests[Name]['request'],
    onProgress?: OnProgress,
    requestSignal?: AbortSignal,
  ): Promise<Requests[Name]['result']> => {
    let furthest = -1;
    let crashes = 0;
    for (;;) {
      await replacing;
      const current = process;
      try {
        return await current.call(
          name,
          request,
          (progress) => {
            if (progress.warning !== undefined)
              return log.warn(
                { reason: progress.warning },
                'training is not kept on disk: after a crash it would start over',
              );
            if (progress.step > furthest) crashes = 0;
            furthest = Math.max(furthest, progress.step);
            onProgress?.(progress);
          },
          requestSignal,
        );
      } catch (error) {
        const reason = current.crash();
        if (reason === undefined || isClosed || signal?.aborted || requestSignal?.aborted) throw error;
        crashes += 1;
        if (crashes >= MOST_CRASHES) {
          throw new HansaError(
            'TrainingFailed',
            `The training process has gone ${crashes} times without getting further: ${reason}. If memory is short, set training.maxMemoryBytes; another engine can be named in training.engine.`,
          );
        }
        if (process === current) await replace(reason);
      }
    }
  };
  return {
    engine: process.engine,
    get data() {
      return process.loaded.data;
    },
    get held() {
      return process.loaded.held;
    },
    train: (request, onProgress, signal) => run('train', request, onProgress, signal),
    compare: (request, onProgress, signal) => run('compare', request, onProgress, signal),
    forecast: (request, onProgress, signal) => run('forecast', request, onProgress, signal),
    async close() {
      isClosed = true;
      await replacing?.catch(() => undefined);
      await process.close();
    },
  };
}

/** A process that has loaded the data. */
interface TrainingProcess extends Connection {
  readonly engine: EngineChoice;
  readonly loaded: LoadResult;
}

async function startProcess(
  options: TrainerOptions,
  engine: EngineName | 'auto',
  heldBefore?: Held,
): Promise<TrainingProcess> {
  const { data, baseFolder, scratchFolder, log, signal, onProgress } = options;
  const pending = new Map<number, Pending>();
  const file = new URL('./worker.ts', import.meta.url);
  const attempt = (name: EngineName) =>
    startOnEngine(file, name, {
      signal,
      onMessage: (message) => receive(pending, message as FromWorker),
      onOutput: (text) => log.debug({ output: text.slice(0, 1000) }, 'training process printed'),
    });
  const { choice, result: child } = await firstUsable(engine, attempt, { signal });
  const connection = connect(child, pending, signal);
  try {
    const loaded = await connection.call('load', { data, baseFolder, scratchFolder, heldBefore }, onProgress);
    const rows = Object.fromEntries(loaded.data.map(({ job, rows }) => [job, rows]));
    log.info({ engine: choice.name, rows }, 'training process is ready');
    return { ...connection, engine: choice, loaded };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function receive(pending: Map<number, Pending>, message: FromWorker): void {
  const request = pending.get(message.id);
  if (request === undefined) return;
  if (message.type === 'progress') {
    request.onProgress?.(message.progress);
    return;
  }
  pending.delete(message.id);
  if (message.type === 'done') request.resolve(message.result);
  else request.reject(new HansaError(message.code, message.message));
}

interface Connection {
  call<Name extends RequestName>(
    name: Name,
    request: Requests[Name]['request'],
    onProgress?: OnProgress,
    signal?: AbortSignal,
  ): Promise<Requests[Name]['result']>;
  /** How the process ended by itself; undefined while it runs or where it was ended. */
  crash(): string | undefined;
  close(): Promise<void>;
}

function connect(child: Child, pending: Map<number, Pending>, ending: AbortSignal | undefined): Connection {
  let nextId = 1;
  let over: HansaError | undefined;
  let crash: string | undefined;
  const end = (error: HansaError) => {
    over ??= error;
    ending?.removeEventListener('abort', onAbort);
    child.kill();
    for (const request of pending.values()) request.reject(over);
    pending.clear();
  };
  const onAbort = () => end(new HansaError('Interrupted', 'Training was stopped.'));
  ending?.addEventListener('abort', onAbort, { once: true });
  void child.ended.then((reason) => {
    if (over === undefined) crash = reason;
    end(new HansaError('TrainingFailed', `The training process has gone: ${reason}.`));
  });
  if (ending?.aborted) onAbort();
  return {
    call(name, request, onProgress, signal) {
      if (over !== undefined) return Promise.reject(over);
      if (signal?.aborted) return Promise.reject(new HansaError('Interrupted', 'Training was stopped.'));
      const id = nextId++;
      const send = (message: ToWorker) => child.send(message);
      const onCancel = () => send({ type: 'cancel', id });
      signal?.addEventListener('abort', onCancel, { once: true });
      return new Promise<Requests[typeof name]['result']>((resolve, reject) => {
        pending.set(id, { resolve: resolve as (result: unknown) => void, reject, onProgress });
        send({ type: 'request', id, name, request });
      }).finally(() => signal?.removeEventListener('abort', onCancel));
    },
    crash: () => crash,
    async close() {
      end(new HansaError('Interrupted', 'The trainer was closed.'));
      await child.ended;
    },
  };
}
