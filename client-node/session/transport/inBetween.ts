import { HansaError } from '@hansa/shared/errors';

/**
 * What to say of an answer that is no problem document of the coordinator: something between answered in its place.
 *
 * @param sizeBytes of the body that was sent
 */
export function refusedInBetween(status: number, sizeBytes: number): HansaError {
  if (status === 413) {
    return new HansaError(
      'PayloadTooLarge',
      `Something between this node and the coordinator refuses a body of ${sizeBytes} bytes (413): raise its limit (nginx: client_max_body_size) above what an update of the model takes.`,
    );
  }
  // 401: the session ended while the request was on its way; the next one is signed again.
  const retry = status >= 500 || status === 401 || status === 409 || status === 423;
  const who =
    status >= 502 && status <= 504 ? 'Something between this node and the coordinator' : 'What is at the address';
  return new HansaError(
    retry ? 'Unavailable' : 'UnexpectedMessage',
    `${who} answered ${status} to an upload, as no coordinator does.`,
  );
}

/** Whether an answer is a web page, as a login page or an error page of a proxy is. */
export const isWebPage = (response: Response): boolean =>
  /^text\/html\b/i.test(response.headers.get('content-type') ?? '');
