import { writeSync } from 'node:fs';
import { createLogOutput, type LogOutput } from './log-output.ts';

/** A few thousand lines. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** How long the end of a process waits for whoever reads its log. */
const FLUSH_DEADLINE_MS = 1_000;
const STDOUT = 1;

let stdoutLog: LogOutput | undefined;

/**
 * The log on stdout, one for the process. A pipe that nobody reads does not hold up the process: lines wait within a bound, are
 * dropped and counted beyond it, and are written at the latest when the process ends, by whatever.
 */
export function openStdoutLog(service: string): LogOutput {
  if (stdoutLog) return stdoutLog;
  // The getter sets a pipe or socket to refuse instead of to block; files and terminals take all.
  void process.stdout;
  const output = createLogOutput({
    writeSome: writeToStdout,
    maxWaitingBytes: MAX_WAITING_BYTES,
    droppedNotice: (droppedLines) => {
      const line = { level: 'warn', time: new Date().toISOString(), service, droppedLines };
      return `${JSON.stringify({ ...line, msg: 'lines were dropped: nobody has read the log' })}\n`;
    },
  });
  process.on('exit', () => output.flush(FLUSH_DEADLINE_MS));
  return (stdoutLog = output);
}

export function droppedLogLines(): number {
  return stdoutLog?.droppedLines() ?? 0;
}

function writeToStdout(bytes: Uint8Array): number {
  try {
    return writeSync(STDOUT, bytes);
  } catch (error: unknown) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 0;
    throw error;
  }
}
