import { type RandomSource, systemRandom } from '@hansa/shared/random';
import { runHonestNode } from './honestNode.ts';
import { type FromNodes, type NodeOrder, veiled } from './nodesProcess.ts';

const tell = (message: FromNodes): void => void process.send?.(message);

/** Runs nodes until the process is killed, and reports their events; collects garbage when asked to. */
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

/** True randomness. The parent process gets every draw, in an encoding that leaves no copy of the bytes here. */
const toldRandom: RandomSource = {
  bytes(count) {
    const bytes = systemRandom.bytes(count);
    if (count === 32) tell({ type: 'drawn', veiled: veiled(bytes) });
    return bytes;
  },
};
