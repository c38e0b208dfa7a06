import { ConfigError } from './config.ts';
import { settleWithin } from './deadline.ts';
import type { RunningParts } from './lifecycle.ts';
import type { Logger } from './logger.ts';

export interface ProcessOptions {
  readonly log: Logger;
  /** Longest time from the stop signal to the end of the process. */
  readonly stopDeadlineMs: number;
  readonly start: (signal: AbortSignal) => Promise<RunningParts>;
}

/** sysexits(3): the configuration is wrong; restarting does not help. */
const EXIT_CONFIG = 78;

/**
 * Runs a process until SIGTERM or SIGINT. `prepare` reads the configuration and composes the app.
 * Ends with 0 after a clean stop, 1 when something failed or the stop took too long, 78 on a wrong configuration.
 * A second signal ends at once. SIGUSR2 switches between `debug` and the level of the configuration.
 */
export async function runProcess(prepare: () => ProcessOptions): Promise<void> {
  let options: ProcessOptions;
  try {
    options = prepare();
  } catch (error) {
    const isConfig = error instanceof ConfigError;
    // Left to Node.js, a crash would show all fields of the error; those of a bad URL have the URL, with its password.
    process.stderr.write(`${isConfig ? error.message : stackOf(error)}\n`);
    process.exitCode = isConfig ? EXIT_CONFIG : 1;
    return;
  }
  const { log } = options;
  failOnUnexpected(log);
  switchLevelOnSignal(log);
  const stop = stopSignal(log);
  try {
    const running = await options.start(stop);
    log.info('started');
    await aborted(stop);
    const clean = await settleWithin(running.stop(), options.stopDeadlineMs);
    if (clean) log.info('stopped');
    else log.error({ stopDeadlineMs: options.stopDeadlineMs }, 'did not stop within the deadline');
    end(clean ? 0 : 1);
  } catch (error) {
    if (stop.aborted) return end(0);
    log.fatal({ err: error }, 'could not start');
    end(1);
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** A clean process has nothing left to do and ends by itself; the timer is for whatever was forgotten. */
function end(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(code), code === 0 ? 500 : 0).unref();
}

function stopSignal(log: Logger): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(1);
      log.info({ signal: name }, 'stopping');
      controller.abort();
    });
  }
  return controller.signal;
}

/** For what happens now and would not happen again after a restart. Loggers that were derived from this one keep their level. */
function switchLevelOnSignal(log: Logger): void {
  const { level } = log;
  process.on('SIGUSR2', () => {
    log.level = log.level === 'debug' ? level : 'debug';
    log.info({ logLevel: log.level }, 'log level switched');
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** An error that nobody awaited leaves the process in a state nobody thought of: end it and let the supervisor start it anew. */
function failOnUnexpected(log: Logger): void {
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'unexpected error');
    process.exit(1);
  });
}
