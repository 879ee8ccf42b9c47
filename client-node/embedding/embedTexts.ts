import { HansaError } from '@hansa/shared/errors';
import { firstUsable } from '../compute/chooseEngine.ts';
import { startOnEngine } from '../compute/engineTrial.ts';
import type { EngineName } from '../engines/engine.ts';
import type { EmbeddedText, EmbedRequest, FromWorker } from './workerMessages.ts';

/**
 * Encodes texts in a process of its own, on the engine asked for or the first that works here.
 *
 * @throws HansaError NotFound, InvalidModelFile (model or tokenizer), EngineUnusable, ProcessFailed (when the process has ended), Interrupted
 */
export async function embedTexts(
  request: EmbedRequest,
  {
    engine = 'auto',
    signal,
    onProgress,
  }: {
    readonly engine?: EngineName | 'auto';
    readonly signal?: AbortSignal;
    readonly onProgress?: (done: number) => void;
  } = {},
): Promise<{ engine: EngineName; texts: EmbeddedText[] }> {
  const worker = new URL('./worker.ts', import.meta.url);
  const texts: EmbeddedText[] = [];
  let finish: ((error?: HansaError) => void) | undefined;
  const onMessage = (message: unknown) => {
    const said = message as FromWorker;
    if (said.type === 'embedded') {
      texts.push(...said.texts);
      onProgress?.(texts.length);
    } else finish?.(said.type === 'failed' ? new HansaError(said.code, said.message) : undefined);
  };
  const { choice, result: child } = await firstUsable(
    engine,
    (name) => startOnEngine(worker, name, { ...(signal === undefined ? {} : { signal }), onMessage }),
    // To measure the engines would take longer than most texts do: the first in their order that works is taken.
    { measure: async () => ({ tinyStepMs: 0, device: 'processor' }) },
  );
  const stop = () => finish?.(new HansaError('Interrupted', 'The command was interrupted.'));
  try {
    await new Promise<void>((resolve, reject) => {
      finish = (error) => (error === undefined ? resolve() : reject(error));
      signal?.addEventListener('abort', stop, { once: true });
      if (signal?.aborted) stop();
      void child.ended.then((reason) =>
        finish?.(new HansaError('ProcessFailed', `The process that encodes texts has gone: ${reason}.`)),
      );
      child.send(request);
    });
    return { engine: choice.name, texts };
  } finally {
    signal?.removeEventListener('abort', stop);
    child.kill();
    await child.ended;
  }
}
