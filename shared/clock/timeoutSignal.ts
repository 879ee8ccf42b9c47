/**
 * A signal that aborts after `afterMs`, with a TimeoutError; it keeps no process alive.
 *
 * Use it in place of AbortSignal.timeout. In Node 20 neither that signal's timer nor AbortSignal.any keeps a reference to it, so the garbage collector may
 * free it before it aborts. Here the timer keeps one.
 */
export function timeoutSignal(afterMs: number): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new DOMException('The operation took too long.', 'TimeoutError'));
  }, afterMs);
  timer.unref();
  return controller.signal;
}
