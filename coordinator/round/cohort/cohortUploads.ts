import type { FoldedSum } from '@hansa/aggregation/secagg/encoding';
import { HansaError } from '@hansa/shared/errors';
import type { UploadTicket } from '@hansa/shared/protocol';
import type { SecAggConfig } from '@hansa/shared/protocol/secagg';
import type { Upload, VectorUploads } from '../ports.ts';
import { CohortSum } from './cohortSum.ts';
import type { Member } from './member.ts';

export interface CohortUploadEvents {
  /** Bytes of a vector have arrived. */
  bytesArrived(): void;
  /** All bytes of a vector are there, as the member signed; what this throws refuses the vector. */
  arrived(member: Member, sizeBytes: number, vectorHash: Uint8Array): Promise<void>;
  /** The member's vector will not come. */
  failed(member: Member, why: string): void;
}

/** The masked vectors of one cohort: each is expected once it is announced, and folded into the cohort's sum while it arrives. */
export class CohortUploads {
  readonly #uploads: VectorUploads;
  readonly #events: CohortUploadEvents;
  readonly #sum: CohortSum;
  /** By roster index: the upload, or why there is none. */
  readonly #expected = new Map<number, Upload | Error>();

  constructor(uploads: VectorUploads, config: SecAggConfig, events: CohortUploadEvents) {
    this.#uploads = uploads;
    this.#events = events;
    this.#sum = new CohortSum(config);
  }

  /** Expects a vector that a member has announced. @throws RangeError (when there is no memory for a sum) */
  async expect(member: Member, sizeBytes: number, vectorHash: Uint8Array): Promise<void> {
    // A repeated announcement is for the vector that is on its way: it goes on where it is.
    if (this.#uploadOf(member) !== undefined || member.droppedIn !== undefined) return;
    // Where there is no memory for a vector the cohort ends here.
    this.#sum.begin();
    const { clientId, index } = member;
    try {
      const upload = await this.#uploads.expect({
        clientId,
        sizeBytes,
        vectorHash,
        received: (byteOffset, chunk) => {
          this.#sum.fold(index, byteOffset, chunk);
          this.#events.bytesArrived();
          member.count('uploading', byteOffset + chunk.length, sizeBytes);
        },
        deleting: (file) => this.#sum.takeOut(index, file),
        finished: () => this.#events.arrived(member, sizeBytes, vectorHash),
        failed: (error) => this.#events.failed(member, error.message),
      });
      this.#expected.set(index, upload);
    } catch (error) {
      this.#expected.set(index, error as Error);
      this.#events.failed(member, (error as Error).message);
    }
  }

  /** Where a member sends its vector. @throws HansaError UnexpectedMessage, StorageFull (when the upload could not begin) */
  ticket(member: Member): UploadTicket {
    const expected = this.#expected.get(member.index);
    if (expected instanceof Error) throw expected;
    if (expected !== undefined) return { path: expected.path };
    throw new HansaError('UnexpectedMessage', 'This vector is not wanted any more.');
  }

  /** A vector is not wanted any more: its bytes are taken out of the sum and deleted. */
  async discard(member: Member): Promise<void> {
    const upload = this.#uploadOf(member);
    if (upload === undefined) return;
    await upload.discard();
    this.#expected.delete(member.index);
  }

  /** The sum of these members' masked vectors, which the caller may change. Once only. @throws as {@link CohortSum.complete} */
  foldedSum(survivors: readonly number[]): Promise<FoldedSum> {
    const files = new Map<number, string>();
    for (const [index, upload] of this.#expected) if (!(upload instanceof Error)) files.set(index, upload.file);
    return this.#sum.complete(survivors, files);
  }

  /** The cohort is over: the memory of the sum and all bytes on disk are given back. */
  async end(): Promise<void> {
    this.#sum.drop();
    for (const upload of this.#expected.values()) if (!(upload instanceof Error)) await upload.discard();
  }

  #uploadOf({ index }: Member): Upload | undefined {
    const expected = this.#expected.get(index);
    return expected instanceof Error ? undefined : expected;
  }
}
