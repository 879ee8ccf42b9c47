/** What can be said of a failure beyond its code, and what to do. */
const meanings: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: check host and port, and that it is running',
  ECONNRESET: 'the other side, or something between, broke the connection off',
  ENOTFOUND: 'no such host: check the name',
  EAI_AGAIN: 'the name could not be looked up: check the DNS of this machine',
  EHOSTUNREACH: 'no way to that host: check the network and the firewall',
  ENETUNREACH: 'no way to that network: check the network and the firewall',
  ETIMEDOUT: 'no answer in time: check the network and the firewall',
  UND_ERR_CONNECT_TIMEOUT: 'no answer in time: check the network and the firewall',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name: use the name that the certificate bears',
  CERT_HAS_EXPIRED: "its certificate has expired, or this machine's clock is fast",
  CERT_NOT_YET_VALID: "its certificate is not valid yet, or this machine's clock is slow",
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS: is it http, not https?',
  EPROTO: 'it does not speak TLS as it should: is it http, not https?',
};

const untrusted =
  'its certificate is not signed by an authority that this machine trusts: name the PEM file of the authority in the environment variable NODE_EXTRA_CA_CERTS';
const untrustedCodes: ReadonlySet<string> = new Set([
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** How deep causes are looked for. */
const MOST_LEVELS = 8;

/** Why a request or a connection failed, in words: the system's code with what it means where there is one, else the innermost message. */
export function failureCause(error: unknown): string {
  const chain = [...causesOf(error, MOST_LEVELS)];
  const coded = chain.findLast(({ code }) => typeof code === 'string' && isKnown(code)) ?? chain.findLast(hasCode);
  if (coded !== undefined) {
    const code = String(coded.code);
    const meaning = untrustedCodes.has(code) ? untrusted : meanings[code];
    return meaning === undefined ? coded.message || code : `${code}: ${meaning}`;
  }
  for (const { status } of chain) {
    if (typeof status === 'number' && status >= 100)
      return `HTTP status ${status}, as no coordinator answers: something between answers in its place`;
  }
  return chain.findLast(({ message }) => message !== undefined && message !== '')?.message ?? 'no reason given';
}

interface Cause {
  readonly message: string | undefined;
  readonly code: unknown;
  /** HTTP status of the answer, where there was one. */
  readonly status: unknown;
}

const hasCode = ({ code }: Cause): boolean => typeof code === 'string' && code !== '';
const isKnown = (code: string): boolean => untrustedCodes.has(code) || Object.hasOwn(meanings, code);

/** The error and what it names as its causes, outermost first: `cause`, the members of an AggregateError, and what Socket.IO keeps of a failed request. */
function* causesOf(error: unknown, levels: number): Generator<Cause> {
  if (typeof error !== 'object' || error === null || levels === 0) return;
  const { message, code, cause, errors, context, description } = error as Record<string, unknown>;
  const request = (context ?? undefined) as { readonly status?: unknown; readonly statusText?: unknown } | undefined;
  // A failed upgrade of a websocket has its error in an event, a failed request of polling in the text of its status.
  const event = description as { readonly error?: unknown } | undefined;
  const status = typeof description === 'number' ? description : request?.status;
  yield { message: typeof message === 'string' ? message : undefined, code, status };
  for (const inner of [cause, ...(Array.isArray(errors) ? errors : []), event?.error, request?.statusText])
    yield* causesOf(inner, levels - 1);
}
