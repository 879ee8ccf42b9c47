import { isIP } from 'node:net';
import { HansaError } from '@hansa/shared/errors';

/**
 * Refuses an address over which anyone on the way could read who takes part, or steal a join token.
 *
 * Plain http is for this machine itself; elsewhere the config must say `"allowInsecure": true`, as on a closed network of containers. (Updates are
 * masked and messages signed either way.)
 *
 * @throws HansaError InsecureAddress
 */
export function assertSecureAddress(address: string, allowInsecure: boolean): void {
  const { protocol, hostname } = new URL(address);
  if (protocol === 'https:' || allowInsecure || isLoopback(hostname)) return;
  throw new HansaError(
    'InsecureAddress',
    `${address} is neither https nor this machine: anyone on the way could read along. Use https, or set "allowInsecure": true if the network between is yours alone.`,
  );
}

/** Whether a URL's host is this machine itself. */
export function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost' || hostname === '[::1]') return true;
  return isIP(hostname) === 4 && hostname.startsWith('127.');
}
