import { parentPort } from 'node:worker_threads';
import { SecretBytes } from '@hansa/shared/crypto';
import { expandMasks } from '../encoding/masks.ts';
import { KEY_SIZE_BYTES, type MaskJob } from './maskJob.ts';

parentPort?.on('message', ({ config, keys, signs, range }: MaskJob) => {
  const masks = signs.map((sign, at) => ({
    key: new SecretBytes(keys.subarray(KEY_SIZE_BYTES * at, KEY_SIZE_BYTES * (at + 1))),
    sign,
  }));
  let part: Uint8Array<ArrayBuffer>;
  try {
    part = expandMasks(config, masks, range);
  } finally {
    keys.fill(0);
  }
  parentPort?.postMessage(part, [part.buffer]);
});
