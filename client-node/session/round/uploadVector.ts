import { HansaError } from '@hansa/shared/errors';
import { uploadTicketSchema } from '@hansa/shared/protocol';
import { encodeMessage, type MaskedInputHeader } from '@hansa/shared/protocol/secagg';
import type { Connection } from '../connection.ts';
import { pause } from '../transport/retryDelay.ts';

export interface VectorUpload {
  readonly header: MaskedInputHeader;
  readonly file: string;
  readonly signal: AbortSignal;
  /** Told in bytes. */
  readonly onProgress: (done: number, total: number) => void;
  /** Every byte has left; more than once where it is sent again. */
  readonly onSent: () => void;
}

/**
 * Announces a masked vector and uploads its bytes, again after every interruption, until the coordinator has them all.
 *
 * @returns the coordinator's refusal where the vector came too late for its round, else undefined
 * @throws HansaError InvalidMessage (when the coordinator answers with no upload ticket), PayloadTooLarge (when something on the way takes no body of this size)
 * @throws the signal's reason
 */
export async function uploadVector(
  connection: Pick<Connection, 'ready' | 'send' | 'upload'>,
  { header, file, signal, onProgress, onSent }: VectorUpload,
): Promise<HansaError | undefined> {
  const body = encodeMessage('maskedInputHeader', header);
  for (let attempt = 0; ; attempt++) {
    try {
      await connection.ready(signal);
      const ticket = uploadTicketSchema.safeParse(await connection.send('maskedInputHeader', body));
      if (!ticket.success) throw new HansaError('InvalidMessage', 'The coordinator answered with no upload ticket.');
      await connection.upload({
        path: ticket.data.path,
        file,
        sizeBytes: header.byteLength,
        signal,
        onProgress: (done, total) => {
          // The coordinator may have them all, and ask for a signature, before its answer to the upload is here.
          if (done >= total) onSent();
          onProgress(done, total);
        },
      });
      onSent();
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof HansaError)) throw error;
      // No later vector would come through either.
      if (error.code === 'PayloadTooLarge') throw error;
      if (!error.retry) return error;
      await pause(attempt, signal);
    }
  }
}
