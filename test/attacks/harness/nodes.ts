import { type RandomSource, systemRandom } from '@hansa/shared/random';
import { runHonestNode } from './honestNode.ts';
import { type FromNodes, type NodeOrder, veiled } from './nodesProcess.ts';

const tell = (message: FromNodes): void => void process.send?.(message);

/** Runs nodes until the process is killed, and tells what their owners would see; collects garbage whenever it is asked to. */
export async function runNodes(nodes: readonly NodeOrder[]): Promise<void> {
  process.on('message', () => {
    for (let time = 0; time < 3; time++) globalThis.gc?.();
    tell({ type: 'collected' });
  });
  const never = new AbortController().signal;
  await Promise.all(
    nodes.map(({ member, configFile }) =>
      runHonestNode(configFile, never, member, {
        gaveUp: (code) => tell({ type: 'gaveUp', member, code }),
        random: toldRandom,
      }),
    ),
  );
}

/** True randomness, of which whoever looks for it later is told, in a spelling that leaves no copy here. */
const toldRandom: RandomSource = {
  bytes(count) {
    const bytes = systemRandom.bytes(count);
    if (count === 32) tell({ type: 'drawn', veiled: veiled(bytes) });
    return bytes;
  },
};
