import { register } from 'node:module';
import { MessageChannel } from 'node:worker_threads';
import { register as registerTsx } from 'tsx/esm/api';

/**
 * Lets this process run TypeScript, with `edits` ([file address, [{find, replace}]]) made to the files that they name.
 *
 * Gives a function that resolves once every edited file was loaded, and rejects where one was not: an edit that nothing reads proves nothing.
 */
export function substitute(edits) {
  const { port1, port2 } = new MessageChannel();
  const missing = new Set(edits.map(([address]) => address));
  port1.on('message', (address) => missing.delete(address));
  port1.unref();
  register('./substituteHook.mjs', import.meta.url, { data: { edits, applied: port2 }, transferList: [port2] });
  registerTsx();
  return async () => {
    for (let turn = 0; turn < 100 && missing.size > 0; turn++) await new Promise((resolve) => setTimeout(resolve, 10));
    if (missing.size > 0) throw new Error(`never loaded, so not altered: ${[...missing].join(', ')}`);
  };
}
