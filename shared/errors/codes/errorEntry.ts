/** Who can act on an error: whoever runs a merchant's node, the consortium's admin with the coordinator, whoever writes software that speaks the protocol. */
export type Reader = 'node operator' | 'admin' | 'programmer';

/** What an error code means to whoever receives it, and what each reader can do about it. */
export interface ErrorEntry {
  /** Of HTTP. */
  readonly status: number;
  /** Of a command: 1 it failed, 2 its input or surroundings were wrong. */
  readonly exitStatus: 1 | 2;
  /** After what the same call can succeed although nothing in it was changed; absent where it cannot. */
  readonly retryWhen?: string;
  /** One sentence or two. */
  readonly means: string;
  /** One sentence or two for each reader who can do something. */
  readonly remedies: Readonly<Partial<Record<Reader, string>>>;
}
