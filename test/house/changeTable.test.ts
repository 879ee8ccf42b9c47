import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repositoryRoot } from '../sourceCopy/repositoryRoot.ts';

/** Paths in CONTRIBUTING's tables of where to change what; a path with NAME is shown by the folder that it would be in. */
function paths(): string[] {
  const text = readFileSync(join(repositoryRoot, 'CONTRIBUTING.md'), 'utf8');
  const section = text.split(/\n(?=## )/).find((part) => part.startsWith('## Where do I change')) ?? '';
  const spans = [...section.matchAll(/`([^`\s]+\/[^`\s]*)`/g)].map(([, path]) => path!);
  return [...new Set(spans.map((path) => path.replace(/[^/]*NAME.*$/, '')))];
}

it('names at least a hundred places', () => {
  expect(paths().length).toBeGreaterThan(100);
});

it.each(paths())('%s, where CONTRIBUTING sends people, is there', (path) => {
  expect(existsSync(join(repositoryRoot, path))).toBe(true);
});
