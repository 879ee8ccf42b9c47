import { maxMemberApprovals } from '@hansa/shared/protocol/secagg';
import { z } from 'zod';

/** `serve --config FILE`; what the command line says wins. */
export const serveConfigSchema = z.strictObject({
  host: z.string().min(1).max(255).optional().describe('address to listen on (default: 127.0.0.1)'),
  port: z.int().min(0).max(65_535).optional().describe('port; 0 takes any free one (default: 8470)'),
  tls: z
    .strictObject({ cert: z.string().min(1), key: z.string().min(1) })
    .optional()
    .describe('{"cert", "key"}: PEM files to serve https with, relative to the config file'),
  reconnectGraceMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .optional()
    .describe('ms that a member of a round may be gone before the round goes on without it (default: 10000)'),
  approvalsByMembers: z
    .int()
    .min(1)
    .max(maxMemberApprovals)
    .optional()
    .describe(
      'where members approve newcomers: how many must have approved one, as the strictest node asks (default: 2)',
    ),
});

/** The config file's keys, each with what it means, as `serve --help` lists them. */
export function serveConfigHelp(): string {
  const keys = Object.entries(serveConfigSchema.shape);
  const width = Math.max(...keys.map(([key]) => key.length));
  const lines = keys.map(([key, { description }]) => `  ${key.padEnd(width)}  ${description}`);
  return `\nKeys of the config file, all optional; what the command line says wins:\n${lines.join('\n')}`;
}
