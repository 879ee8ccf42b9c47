import { parentPort } from 'node:worker_threads';
import { SecretBytes } from '@hansa/shared/crypto/masks';
import { expandMasks } from '../encoding/masks.ts';
import { KEY_SIZE_BYTES, type MaskWork } from './maskWork.ts';

parentPort?.on('message', ({ config, keys, signs, range, into }: MaskWork) => {
  const masks = signs.map((sign, at) => ({
    key: new SecretBytes(keys.subarray(KEY_SIZE_BYTES * at, KEY_SIZE_BYTES * (at + 1))),
    sign,
  }));
  try {
    expandMasks(config, masks, range, new Uint8Array(into, 0, range.end - range.start));
  } finally {
    keys.fill(0);
  }
  parentPort?.postMessage(undefined);
});
