const { port1: nowhere, port2: closed } = new MessageChannel();
closed.close();
nowhere.close();

/**
 * Frees the memory of bytes that nobody reads any more; the array is empty afterwards.
 *
 * The collector counts what lies outside its heap late: tens of megabytes of chunks that passed by would gather. What is transferred to a port
 * that is closed is freed at once. Bytes that are a part of something larger, such as Node's pool of small buffers, are left alone.
 */
export function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) nowhere.postMessage(undefined, [buffer]);
}
