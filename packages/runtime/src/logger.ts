import { pino, type Logger as PinoLogger } from 'pino';
import { loggedError } from './logged-error.ts';
import { openStdoutLog } from './stdout-log.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

export type Logger = PinoLogger;

/**
 * JSON lines on stdout: `time` in ISO form, `level` as a word, `service`, then the fields of the line. Whoever does not read them
 * holds nobody up: see openStdoutLog.
 */
export function createLogger(options: { service: string; level: (typeof LOG_LEVELS)[number] }): Logger {
  const settings = {
    level: options.level,
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: loggedError },
    redact: {
      paths: ['authorization', 'cookie', 'password', '*.authorization', '*.cookie', '*.password'],
      censor: '***',
    },
  };
  return pino(settings, openStdoutLog(options.service));
}
