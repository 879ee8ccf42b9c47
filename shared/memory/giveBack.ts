const { port1: nowhere, port2: closed } = new MessageChannel();
closed.close();
nowhere.close();

/**
 * Frees the memory of bytes that nobody reads any more; the array is empty afterwards.
 *
 * The garbage collector frees memory outside its heap late, so tens of megabytes of used chunks would pile up. A buffer that is transferred to a closed
 * port is freed at once. Bytes that are part of a larger buffer, such as Node's pool of small buffers, are left alone.
 */
export function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) nowhere.postMessage(undefined, [buffer]);
}
