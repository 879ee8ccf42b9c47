import { HansaError } from '@hansa/shared/errors';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { getProxyForUrl } from 'proxy-from-env';
import type { Dispatcher } from 'undici';
import { isLoopback } from './address.ts';

/** What names a proxy in the environment, in upper or in lower case. */
export const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]);

/**
 * The proxy that the environment names for an address (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY), undefined where there is none; this machine itself is never
 * asked through one.
 *
 * @throws HansaError InvalidConfig (when it is no http or https URL)
 */
export function proxyFor(address: string): URL | undefined {
  const { protocol, hostname } = new URL(address);
  if (isLoopback(hostname)) return undefined;
  const named = getProxyForUrl(address);
  if (named === '') return undefined;
  const proxy = URL.canParse(named) ? new URL(named) : undefined;
  if (proxy !== undefined && (proxy.protocol === 'http:' || proxy.protocol === 'https:')) return proxy;
  // Not told as it is written: it may hold a password.
  throw new HansaError(
    'InvalidConfig',
    `The proxy that the environment names for ${protocol}//${hostname} (${protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'} or ALL_PROXY) is not a URL such as http://proxy.example:3128; only http and https proxies are used.`,
  );
}

/** As {@link proxyFor}: what tus and both transports of Socket.IO connect with. They tunnel (CONNECT) to http and https alike. @throws as {@link proxyFor} */
export function proxyAgentFor(address: string): HttpsProxyAgent<string> | undefined {
  const proxy = proxyFor(address);
  return proxy && new HttpsProxyAgent(proxy.href);
}

/** Makes every fetch of this process go through the proxy for its address, in a tunnel too. A fetch throws as {@link proxyFor}. */
export async function fetchThroughProxies(): Promise<void> {
  const { Agent, Dispatcher, ProxyAgent, setGlobalDispatcher } = await import('undici');
  const direct = new Agent();
  const proxies = new Map<string, Dispatcher>();
  const dispatcherFor = (origin: string): Dispatcher => {
    const proxy = proxyFor(origin)?.href;
    if (proxy === undefined) return direct;
    const through = proxies.get(proxy) ?? new ProxyAgent(proxy);
    proxies.set(proxy, through);
    return through;
  };
  class ByAddress extends Dispatcher {
    override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandlers): boolean {
      return dispatcherFor(String(options.origin)).dispatch(options, handler);
    }
  }
  setGlobalDispatcher(new ByAddress());
}
