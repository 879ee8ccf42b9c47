import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * A process's logger: JSON lines, info for the life of a round, debug per message.
 *
 * Standard error by default: standard output belongs to a command's answer. No key, weight, update or data row is ever passed to it; the
 * redaction below is a second guard and does not replace that rule.
 */
export function createLogger(
  role: string,
  level: LogLevel,
  destination: DestinationStream = pino.destination(2),
): Logger {
  return pino(
    {
      level,
      base: { role },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: ['secret', 'token', 'seed', 'secretKey', '*.secret', '*.token', '*.seed', '*.secretKey'],
        censor: '[redacted]',
      },
      serializers: { err: withoutCells },
    },
    destination,
  );
}

/** An error as a log has it: that of a file of orders quotes cells on a person's screen, and not here. */
function withoutCells(error: Error): object {
  const told = pino.stdSerializers.err(error);
  if ((error as { code?: unknown }).code !== 'InvalidData') return told;
  const unquoted = (text: string) => text.replaceAll(/"[^"\n]*"/g, '"…"');
  return { ...told, message: unquoted(told.message), stack: unquoted(told.stack) };
}
