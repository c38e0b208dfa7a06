/** Where log lines go: a destination of pino that never waits for whoever reads. */
export interface LogOutput {
  /** Set by pino before each line. */
  lastLevel: number;
  /** Writes a whole line, now or later; drops it when too many wait. */
  write(line: string): void;
  /** Writes what waits, and waits for its reader until the deadline: for the end of a process, after which nothing comes. */
  flush(deadlineMs: number): void;
  /** Lines that were dropped since the start. */
  droppedLines(): number;
}

export interface LogOutputOptions {
  /** Writes the beginning of some bytes and answers how many; 0 while nobody reads. Throws when it cannot. */
  readonly writeSome: (bytes: Uint8Array) => number;
  /** Most bytes that wait. */
  readonly maxWaitingBytes: number;
  /** The line that tells of dropped ones when lines flow again. */
  readonly droppedNotice: (lines: number) => string;
}

const RETRY_MS = 20;
/** Level of pino for the last line of a crash: it is kept, however many wait. */
const FATAL_LEVEL = 60;

export function createLogOutput(options: LogOutputOptions): LogOutput {
  const { writeSome, maxWaitingBytes, droppedNotice } = options;
  let waiting: { readonly bytes: Uint8Array; readonly lines: number }[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let untold = 0;
  let retry: NodeJS.Timeout | undefined;

  function keep(bytes: Uint8Array, lines: number): void {
    waiting.push({ bytes, lines });
    waitingBytes += bytes.length;
  }

  function drop(lines: number): void {
    dropped += lines;
    untold += lines;
  }

  /** Writes as much as is taken at once. */
  function writeWaiting(): void {
    for (let first = waiting[0]; first; first = waiting[0]) {
      const { bytes, lines } = first;
      const written = writeSome(bytes);
      waitingBytes -= written;
      if (written < bytes.length) {
        waiting[0] = { bytes: bytes.subarray(written), lines };
        return;
      }
      waiting.shift();
    }
  }

  function flow(): void {
    clearTimeout(retry);
    retry = undefined;
    try {
      writeWaiting();
      if (waiting.length === 0 && untold > 0) {
        keep(Buffer.from(droppedNotice(untold)), 0);
        untold = 0;
        writeWaiting();
      }
    } catch {
      // The reader is gone, or the disk is full. Whoever logs must not fail of it.
      drop(waiting.reduce((sum, { lines }) => sum + lines, 0));
      waiting = [];
      waitingBytes = 0;
    }
    // Keeps no process alive: what waits at its end is flushed.
    if (waiting.length > 0) retry = setTimeout(flow, RETRY_MS).unref();
  }

  const output: LogOutput = {
    lastLevel: 0,
    write(line) {
      const bytes = Buffer.from(line);
      if (waitingBytes + bytes.length > maxWaitingBytes && output.lastLevel < FATAL_LEVEL) return drop(1);
      keep(bytes, 1);
      if (!retry) flow();
    },
    flush(deadlineMs) {
      const untilMs = performance.now() + deadlineMs;
      for (flow(); waiting.length > 0 && performance.now() < untilMs; flow()) pause(RETRY_MS);
    },
    droppedLines: () => dropped,
  };
  return Object.assign(output, { [Symbol.for('pino.metadata')]: true });
}

/** Stands still with the whole process, which has nothing else to do at its end. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, ms);
}
