import type { Kysely, Transaction } from 'kysely';

/** The columns of every table, as `migrations.ts` has made them. Bytes are text, times are milliseconds since 1970. */
export interface Tables {
  facts: { key: string; value: string };
  clients: ClientTable;
  join_tokens: JoinTokenTable;
  member_approvals: { client_id: string; signer_id: string; signature: string };
  rosters: { epoch: number; wire: string };
  tasks: TaskTable;
  attempts: AttemptTable;
  updates: { task_id: string; attempt: number; client_id: string; size_bytes: number; committed_at: number };
  models: ModelTable;
  draws: { task_id: string; seq: number; roster_hash: string; groups: string | null };
  evidence: { id: string; found_at: number; task_id: string; attempt: number; client_id: string; wire: string };
}

export interface ClientTable {
  id: string;
  index: number;
  label: string;
  public_key: string;
  approval: string | null;
  enrolled_at: number;
  last_seen_at: number | null;
}

interface JoinTokenTable {
  secret_hash: string;
  token_key: string | null;
  label: string;
  created_at: number;
  expires_at: number;
  client_id: string | null;
}

export interface TaskTable {
  id: string;
  name: string;
  state: string;
  reason: string | null;
  file: string;
  plan: string;
  committed_rounds: number;
  next_round: number;
  attempts: number;
  failures_in_row: number;
  model_hash: string;
  initial_model_hash: string;
  strategy_state_hash: string | null;
  created_at: number;
}

interface AttemptTable {
  task_id: string;
  attempt: number;
  round: number;
  started_at: number;
  base_model_hash: string;
  selected: string;
  signing: number;
  record: string | null;
}

export interface ModelTable {
  hash: string;
  size_bytes: number;
  parameters: number;
  task_id: string | null;
  round: number;
  created_at: number;
}

/** Reads only; a transaction can be read from too. */
export type Reader = Kysely<Tables>;
/** A function that writes takes a transaction, so that its caller decides what belongs together. */
export type Writer = Transaction<Tables>;

// Drivers disagree on what a BLOB is in memory, and no value here is longer than 64 bytes.
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
export const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'));
