import { measureEngine } from '../compute/index.ts';
import { installNative } from '../compute/native/installNative.ts';
import { publicIndex } from '../compute/native/wheelFile.ts';
import type { CommandContext } from './context.ts';

/** `native install`: gives TensorFlow.js a current libtensorflow, compiled here, and measures what came of it. */
export async function nativeInstall(
  options: { gpu?: boolean; from?: string; index?: string; compiler: string },
  { output, signal }: CommandContext,
): Promise<number> {
  let last = '';
  const { engine, tensorflow, folder } = await installNative({
    variant: options.gpu === true ? 'gpu' : 'cpu',
    from: options.from,
    index: options.index ?? publicIndex,
    compiler: options.compiler,
    signal,
    onProgress: (doing, done, total) => {
      if (doing !== last) output.note(`${doing} …`);
      last = doing;
      output.progress(doing, done, total);
    },
  });
  output.progressDone();
  output.line(`Built ${engine} against TensorFlow ${tensorflow} in ${folder}.`);
  const { stepMs, device } = await measureEngine(engine, { signal, withoutCard: true });
  const { stepMs: wasmMs } = await measureEngine('wasm', { signal });
  output.line(
    `It computes what it should, on the ${device}: ${stepMs.toFixed(1)} ms a training step of the tiny model, wasm ${wasmMs.toFixed(1)}.`,
  );
  if (engine === 'tfjs-node-gpu' && device !== 'card') {
    output.line(
      'TensorFlow sees no card here, so no node on this machine takes tfjs-node-gpu until it does: nvidia-smi must list one. For the processor there is tfjs-node: npx hansa-client native install',
    );
  }
  output.document({ engine, tensorflow, folder, device, stepMs, wasmStepMs: wasmMs });
  return 0;
}
