import { type DestinationStream, pino, type Logger as PinoLogger } from 'pino';
import { loggedError, loggedReason } from './logged-error.ts';
import { openStdoutLog } from './stdout-log.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

export type Logger = PinoLogger;

/**
 * JSON lines on stdout: `time` in ISO form, `level` as a word, `service`, then the fields of the line. Whoever does not read them
 * holds nobody up: see openStdoutLog.
 *
 * An error goes into `err`, with its stack, where somebody must look at the code (`error`, `fatal`); into `reason`, one sentence,
 * where it was to be expected and the process goes on (`warn` and below): such lines repeat, and a stack hides what they say.
 */
export function createLogger(options: {
  readonly service: string;
  readonly level: (typeof LOG_LEVELS)[number];
  /** Takes the lines. Default: stdout. */
  readonly destination?: DestinationStream;
}): Logger {
  const settings = {
    level: options.level,
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: loggedError, reason: loggedReason },
    redact: {
      paths: ['authorization', 'cookie', 'password', '*.authorization', '*.cookie', '*.password'],
      censor: '***',
    },
  };
  return pino(settings, options.destination ?? openStdoutLog(options.service));
}
