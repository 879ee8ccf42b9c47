import { existsSync } from 'node:fs';
import { copyFile, link } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { HansaError } from '@hansa/shared/errors';
import type { NodeConfig } from '../config/nodeConfig.ts';
import type { ModelFiles } from '../gradient/localModel.ts';
import { nodeFolder } from '../ledger/nodeFolder.ts';
import { adapterOf, modelPath } from '../session/modelStore.ts';
import { openTaskBook, type TaskEntry } from '../session/taskBook.ts';

/** The named task, or the newest one with a committed round, and its first and last model. @throws HansaError NotFound */
export function chooseTask(
  config: NodeConfig,
  taskId: string | undefined,
  now: () => number,
): { entry: TaskEntry; initialModelFile: string; federatedModelFile: string } {
  const folder = nodeFolder(config.folder);
  const book = existsSync(folder.tasks) ? openTaskBook(folder.tasks, now) : undefined;
  const newest = book?.all().find(({ committedRounds }) => committedRounds > 0) ?? book?.all()[0];
  const entry = taskId === undefined ? newest : book?.get(taskId);
  if (entry === undefined) {
    const known = book?.all().map((task) => task.taskId) ?? [];
    const which = known.length === 0 ? 'it has taken part in no task' : `it knows ${known.join(', ')}`;
    throw new HansaError(
      'NotFound',
      taskId === undefined
        ? `This node has taken part in no task yet (${folder.tasks}): run hansa-client run first.`
        : `This node knows no task ${taskId}; ${which}.`,
    );
  }
  if (entry.committedRounds === 0) {
    throw new HansaError('NotFound', `Task ${entry.taskId} has no committed round yet: there is no model of it yet.`);
  }
  const initialModelFile = modelPath(folder.models, entry.plan.initialModelHash);
  const federatedModelFile = modelPath(folder.models, entry.modelHash);
  const baseModelFile = adapterOf(entry.plan, folder)?.baseModelFile ?? initialModelFile;
  for (const path of [baseModelFile, initialModelFile, federatedModelFile]) {
    if (!existsSync(path)) {
      throw new HansaError(
        'NotFound',
        `The model ${path} is not downloaded yet: keep hansa-client run going until the task has ended.`,
      );
    }
  }
  return { entry, initialModelFile, federatedModelFile };
}

/** Where a task's models lie. */
interface TaskModels {
  readonly initialModelFile: string;
  readonly federatedModelFile: string;
  readonly adapter: ModelFiles['adapter'];
}

/** The same models as links in another folder: there they stay, whatever a running task does with its own. */
export async function holdModels(models: TaskModels, folder: string): Promise<TaskModels> {
  const held = async (path: string) => {
    const to = join(folder, basename(path));
    if (existsSync(to)) return to;
    // Another file system takes no links.
    await link(path, to).catch(() => copyFile(path, to));
    return to;
  };
  const { adapter } = models;
  return {
    initialModelFile: await held(models.initialModelFile),
    federatedModelFile: await held(models.federatedModelFile),
    adapter: adapter && { ...adapter, baseModelFile: await held(adapter.baseModelFile) },
  };
}

/** A task's job has no entry under `data`. */
export const noData = (job: string): HansaError =>
  new HansaError(
    'InvalidConfig',
    `The task is for the job ${job}, and the configuration has no entry for it under data.`,
  );
