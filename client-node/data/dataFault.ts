import { type ErrorDetails, HansaError } from '@hansa/shared/errors';

/** A fault of an order file or of what it holds. */
export function dataFault(message: string, details?: ErrorDetails<'InvalidData'>): HansaError {
  return new HansaError('InvalidData', message, details);
}

/** One cell as a message may show it: at most 24 characters, in quotes, nothing that moves a terminal's cursor. */
export function shorten(text: string): string {
  const plain = text.replaceAll(/[\p{C}]/gu, '·');
  return `"${plain.length > 24 ? `${plain.slice(0, 23)}…` : plain}"`;
}
