/** Who can act on an error: the operator of a merchant's node, the admin of the coordinator, or the programmer of software that uses the protocol. */
export type Reader = 'node operator' | 'admin' | 'programmer';

/** What an error code means, and what each reader can do about it. */
export interface ErrorEntry {
  /** Of HTTP. */
  readonly status: number;
  /** Of a command: 1 the command failed, 2 its input or environment was wrong. */
  readonly exitStatus: 1 | 2;
  /** When the same call can succeed without a change; absent where it cannot. */
  readonly retryWhen?: string;
  /** One sentence or two. */
  readonly means: string;
  /** One sentence or two for each reader who can do something. */
  readonly remedies: Readonly<Partial<Record<Reader, string>>>;
}
