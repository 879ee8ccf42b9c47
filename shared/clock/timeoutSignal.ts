/**
 * A signal that aborts after `afterMs`, with a TimeoutError; it keeps no process alive.
 *
 * As AbortSignal.timeout, which must not be used: neither its timer nor AbortSignal.any holds on to it in Node 20, so that it may be collected as garbage
 * and never abort. Here the timer does.
 */
export function timeoutSignal(afterMs: number): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new DOMException('The operation took too long.', 'TimeoutError'));
  }, afterMs);
  timer.unref();
  return controller.signal;
}
