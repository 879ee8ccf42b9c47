import { register } from 'node:module';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { register as registerTsx } from 'tsx/esm/api';

/**
 * Lets this process run TypeScript, with `edits` ([file address, [{find, replace}]]) made to the files that they name.
 *
 * Gives a function that throws where an edited file was not loaded: an edit that is never loaded proves nothing.
 */
export function substitute(edits) {
  const { port1, port2 } = new MessageChannel();
  const missing = new Set(edits.map(([address]) => address));
  register('./substituteHook.mjs', import.meta.url, { data: { edits, applied: port2 }, transferList: [port2] });
  registerTsx();
  return () => {
    // The hook reports a file before it returns its source, so every loaded file is reported by now.
    for (let told = receiveMessageOnPort(port1); told !== undefined; told = receiveMessageOnPort(port1))
      missing.delete(told.message);
    if (missing.size > 0) throw new Error(`never loaded, so not altered: ${[...missing].join(', ')}`);
  };
}
