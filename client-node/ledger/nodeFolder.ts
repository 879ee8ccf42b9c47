import { randomUUID } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, writing } from './files.ts';

/** Where things lie in a node's own folder. */
export interface NodeFolder {
  readonly root: string;
  /** Key, id, federation and the coordinator's pinned key. */
  readonly identity: string;
  readonly lock: string;
  /** What was joined, signed and answered; see Journal. */
  readonly journal: string;
  readonly receipts: string;
  /** Proof that the coordinator or a member contradicted itself: ID.json. */
  readonly evidence: string;
  readonly log: string;
  /** What tasks this node has taken part in: TASKID.json. */
  readonly tasks: string;
  /** SHA256.safetensors. */
  readonly models: string;
  /** The model of a task that `evaluate` selected: TASKID.safetensors, and what it is: TASKID.json. */
  readonly selected: string;
  /** SCAFFOLD's control variates: this node's own, TASKID.safetensors, and in `common/` those of the rounds. */
  readonly controls: string;
  readonly commonControls: string;
  /** Updates and masked vectors of the running round; emptied at start. */
  readonly spool: string;
  /** With training.keepUpdates: quantised updates and masked vectors of every round. */
  readonly updates: string;
}

/** The layout of the node's folder at `root`; nothing is made. */
export function nodeFolder(root: string): NodeFolder {
  return {
    root,
    identity: join(root, 'identity.json'),
    lock: join(root, 'identity.lock'),
    journal: join(root, 'journal.jsonl'),
    receipts: join(root, 'receipts.jsonl'),
    evidence: join(root, 'evidence'),
    log: join(root, 'node.log'),
    tasks: join(root, 'tasks'),
    models: join(root, 'models'),
    selected: join(root, 'selected'),
    controls: join(root, 'controls'),
    commonControls: join(root, 'controls', 'common'),
    spool: join(root, 'spool'),
    updates: join(root, 'updates'),
  };
}

/** Makes the folders a running node writes to and removes what an interrupted run left half-written. @throws HansaError DataFolderUnusable, StorageFull */
export async function prepareFolder(folder: NodeFolder): Promise<void> {
  await writing(folder.spool, () => rm(folder.spool, { recursive: true, force: true }));
  const kept = [folder.root, folder.tasks, folder.models, folder.controls, folder.commonControls, folder.evidence];
  for (const path of [...kept, folder.spool]) await makeFolder(path);
  for (const path of kept) {
    for (const name of await readdir(path)) {
      if (name.endsWith('.tmp')) await rm(join(path, name), { force: true });
    }
  }
}

/** Proves that the folder can be written to, by writing. @throws HansaError DataFolderUnusable, StorageFull */
export async function probeFolder(root: string): Promise<void> {
  await makeFolder(root);
  const probe = join(root, `probe.${randomUUID()}.tmp`);
  await writing(root, async () => {
    try {
      await writeFile(probe, new Uint8Array(4096), { flag: 'wx' });
    } finally {
      await rm(probe, { force: true });
    }
  });
}
