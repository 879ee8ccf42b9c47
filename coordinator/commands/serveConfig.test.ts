import { expect, it } from 'vitest';
import { serveConfigHelp, serveConfigSchema } from './serveConfig.ts';

it('lists every key of the config file with what it means', () => {
  const lines = serveConfigHelp().split('\n');
  for (const key of Object.keys(serveConfigSchema.shape)) {
    expect(lines.find((line) => line.startsWith(`  ${key} `))).toMatch(/^ {2}\w+ {2,}\S.{20,}$/);
  }
  expect(serveConfigHelp()).not.toContain('undefined');
});

it('knows no other key', () => {
  expect(serveConfigSchema.safeParse({ port: 1, tls: { cert: 'a.pem', key: 'b.pem' } }).success).toBe(true);
  expect(serveConfigSchema.safeParse({ ports: 1 }).success).toBe(false);
});
