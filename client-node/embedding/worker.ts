import { HansaError } from '@hansa/shared/errors';
import { runOnEngine } from '../compute/runOnEngine.ts';
import type { EmbedRequest, FromWorker } from './workerMessages.ts';

/** Texts that go through the engine at once. */
const BATCH_TEXTS = 16;

const tell = (message: FromWorker): void => {
  process.send?.(message);
};

// Listened for before the engine is tried: a message that nobody listens for is lost.
const asked = new Promise<EmbedRequest>((resolve) => process.once('message', resolve));

if (await runOnEngine()) {
  try {
    await embed(await asked);
    tell({ type: 'done' });
  } catch (error) {
    tell({
      type: 'failed',
      ...(error instanceof HansaError
        ? { code: error.code, message: error.message }
        : { code: 'ProcessFailed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    });
  }
} else {
  process.disconnect();
}

async function embed({ modelFile, tokenizerFile, texts }: EmbedRequest): Promise<void> {
  const { readModelFile } = await import('../model/modelFile.ts');
  const { createTokenizer, readTokenizerFile } = await import('../model/text/tokenizer.ts');
  const { createTextModel, pooled } = await import('../model/text/textModel.ts');
  const model = await readModelFile(modelFile);
  const { encoder, text } = model.architecture;
  if (text === undefined) {
    throw new HansaError(
      'InvalidModelFile',
      `${modelFile} has no word embeddings: it forecasts and reads no texts. A model from \`hansa-client model import\` does.`,
    );
  }
  const tokenizer = createTokenizer(await readTokenizerFile(tokenizerFile), text.vocabularySize, encoder.positions);
  const textModel = createTextModel(model);
  for (let from = 0; from < texts.length; from += BATCH_TEXTS) {
    const encoded = texts.slice(from, from + BATCH_TEXTS).map((one) => tokenizer.encode(one));
    const hidden = await textModel.hiddenStates(encoded.map(({ ids }) => ids));
    tell({
      type: 'embedded',
      texts: encoded.map(({ ids, truncated }, at) => ({
        tokens: ids,
        truncated,
        hidden: hidden[at]!,
        embedding: pooled(hidden[at]!, encoder.hiddenSize, text.pooling),
      })),
    });
  }
}
