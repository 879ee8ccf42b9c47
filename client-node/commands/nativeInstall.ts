import { describeTimes, measureEngine } from '../compute/index.ts';
import { installNative } from '../compute/native/installNative.ts';
import { publicIndex } from '../compute/native/wheelFile.ts';
import type { CommandContext } from './context.ts';

/** The first start may take minutes: for a card newer than the libraries, its kernels are compiled once. */
const PROOF_MS = 600_000;

/** `native install`: gives TensorFlow.js a current libtensorflow, compiled here, once it has computed a known gradient, and measures it. */
export async function nativeInstall(
  options: { gpu?: boolean; from?: string; index?: string; compiler: string },
  { output, signal }: CommandContext,
): Promise<number> {
  let last = '';
  const onProgress = (doing: string, done: number, total: number) => {
    if (doing !== last) output.note(`${doing} …`);
    last = doing;
    output.progress(doing, done, total);
  };
  const { engine, tensorflow, folder, proof } = await installNative({
    variant: options.gpu === true ? 'gpu' : 'cpu',
    from: options.from,
    index: options.index ?? publicIndex,
    compiler: options.compiler,
    signal,
    onProgress,
    prove: (built) => {
      onProgress('computing a known gradient', 0, 0);
      // An image with CUDA may be built on a machine without a card.
      return measureEngine(built, { signal, silenceMs: PROOF_MS, withinMs: PROOF_MS, withoutCard: true });
    },
  });
  output.progressDone();
  output.line(`Built ${engine} against TensorFlow ${tensorflow} in ${folder}.`);
  // It is installed: what becomes of the comparison changes nothing.
  const wasm = await measureEngine('wasm', { signal }).catch(() => undefined);
  const comparison = wasm === undefined ? '' : `; on wasm ${describeTimes(wasm)}`;
  output.line(`It computes correctly, on the ${proof.device}: ${describeTimes(proof)}${comparison}.`);
  if (engine === 'tfjs-node-gpu' && proof.device !== 'card') {
    output.line(
      'TensorFlow sees no card here, so no node on this machine takes tfjs-node-gpu until it does: nvidia-smi must list one. For the processor there is tfjs-node: npx hansa-client native install',
    );
  }
  output.document({ engine, tensorflow, folder, ...proof, ...(wasm && { wasm }) });
  return 0;
}
