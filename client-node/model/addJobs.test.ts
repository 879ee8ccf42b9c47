import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { architectureOf, jobNames, manifestFor } from '@hansa/shared/model';
import { elementCount } from '@hansa/shared/numeric';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addJobs } from './addJobs.ts';
import { initialWeights } from './initialise.ts';
import { writeModelFile } from './modelFile.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-add-jobs-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A model file of one job. */
async function modelFor(job: (typeof jobNames)[number]): Promise<string> {
  const path = join(folder, `${job}.safetensors`);
  const architecture = architectureOf('nano', [job]);
  await writeModelFile(path, architecture, initialWeights(architecture, 1));
  return path;
}

it.each(jobNames)('keeps every tensor of a model for %s, and starts the others as a fresh model would', async (job) => {
  const path = await modelFor(job);
  const { architecture, manifest, vector } = await addJobs(path, jobNames, 2);
  expect(architecture).toEqual(architectureOf('nano', jobNames));
  const present = new Set(manifestFor(architectureOf('nano', [job])).map((entry) => entry.name));
  expect(present.size).toBeLessThan(manifest.length);
  const [kept, fresh] = [initialWeights(architecture, 1), initialWeights(architecture, 2)];
  for (const { name, offset, shape } of manifest) {
    const isNew = !present.has(name);
    const range = [offset, offset + elementCount(shape)] as const;
    expect(vector.slice(...range), name).toEqual((isNew ? fresh : kept).slice(...range));
  }
});

it.each(jobNames)('refuses a model that is for %s already, and says so', async (job) => {
  const path = await modelFor(job);
  await expect(addJobs(path, [job], 1)).rejects.toMatchObject({
    code: 'InvalidModelFile',
    message: expect.stringContaining(`${path} is for ${job} already`),
  });
});
