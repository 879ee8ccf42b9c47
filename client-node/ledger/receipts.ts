import { open } from 'node:fs/promises';
import { writing } from './files.ts';

/** What this node keeps of a committed round, for the merchant's own books. */
export interface Receipt {
  readonly at: string;
  readonly taskId: string;
  readonly round: number;
  /** The set-up's number within the task. */
  readonly attempt: number;
  /** Whether this node's update is in the sum. */
  readonly included: boolean;
  readonly survivors: number;
  readonly weightSum: number;
  readonly baseModelHash: string;
  readonly modelHash: string;
  /** SHA-256 of the unmasked sum. */
  readonly resultHash: string;
}

/** Adds one line to the receipts, forced to disk. @throws HansaError StorageFull, DataFolderUnusable */
export async function appendReceipt(path: string, receipt: Receipt): Promise<void> {
  await writing(path, async () => {
    const file = await open(path, 'a', 0o600);
    try {
      await file.appendFile(`${JSON.stringify(receipt)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  });
}
