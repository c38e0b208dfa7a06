import { pino, type Logger as PinoLogger } from 'pino';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

export type Logger = PinoLogger;

/** JSON lines on stdout: `time` in ISO form, `level` as a word, `service`, then the fields of the line. */
export function createLogger(options: { service: string; level: (typeof LOG_LEVELS)[number] }): Logger {
  return pino({
    level: options.level,
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: ['authorization', 'cookie', 'password', '*.authorization', '*.cookie', '*.password'],
      censor: '***',
    },
  });
}
