import { equalBytes, sha256 } from '@hansa/shared/crypto';
import { HansaError } from '@hansa/shared/errors';

/** Checks `Authorization: Bearer TOKEN` against a token of which only the hash is kept. */
export class BearerToken {
  readonly #hash: Uint8Array;

  constructor(token: string) {
    this.#hash = sha256(Buffer.from(token));
  }

  /** @throws HansaError Unauthorized */
  check(authorization: string | undefined): void {
    const given = /^Bearer ([\w-]{1,200})$/.exec(authorization ?? '')?.[1];
    if (given !== undefined && equalBytes(sha256(Buffer.from(given)), this.#hash)) return;
    throw new HansaError(
      'Unauthorized',
      'This needs the admin token (Authorization: Bearer TOKEN); it stands in admin.json in the data folder of the coordinator that runs.',
    );
  }
}
