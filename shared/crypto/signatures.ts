/**
 * What a signature is for. No key ever signs bytes without one, so that a signature given in one place means nothing in another.
 *
 * "handshake", "enrol", "upload" and "request" belong to the edges; the others to the stages of SA-1.
 */
export type SignatureLabel =
  | 'roster'
  | 'open'
  | 'm1'
  | 'l1'
  | 'm2'
  | 'ack'
  | 'round'
  | 'm3'
  | 'u3'
  | 'm4'
  | 'm5'
  | 'result'
  | 'handshake'
  | 'enrol'
  | 'upload'
  | 'request';
