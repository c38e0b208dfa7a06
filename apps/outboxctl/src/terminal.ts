import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import { UsageError } from './outcome.ts';

/** Where a command speaks: data on stdout, everything else on stderr. */
export interface Terminal {
  /** The answer: the text for people, or with --json the value for programs (snake_case, bigint as a string). */
  answer(value: unknown, text: string): void;
  /** A line on stderr. */
  say(text: string): void;
  /** What long work is at: on a terminal one line that replaces itself, else a line now and then. */
  progress(text: string): void;
  /** Resolves when the person, or --yes, agrees. Throws a UsageError when there is nobody to ask. */
  confirm(question: string, signal: AbortSignal): Promise<boolean>;
}

/** The streams of a process, as far as a command needs them. */
export interface StandardStreams {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
}

const PROGRESS_LINE_INTERVAL_MS = 5_000;

export function createTerminal(
  { stdin, stdout, stderr }: StandardStreams,
  options: { json: boolean; yes: boolean },
): Terminal {
  // A reader such as `head` has seen enough: not a failure.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  let lineIsOpen = false;
  let lastLineMs = Number.NEGATIVE_INFINITY;
  let lastText = '';

  function closeLine(): void {
    if (lineIsOpen) stderr.write('\n');
    lineIsOpen = false;
  }

  return {
    answer(value, text) {
      closeLine();
      stdout.write(`${options.json ? toJson(value) : text}\n`);
    },
    say(text) {
      closeLine();
      stderr.write(`${text}\n`);
    },
    progress(text) {
      if (text === lastText) return;
      if (stderr.isTTY) {
        stderr.write(`\r\u{1b}[2K${text.slice(0, (stderr.columns ?? 80) - 1)}`);
        lineIsOpen = true;
      } else {
        const now = performance.now();
        if (now - lastLineMs < PROGRESS_LINE_INTERVAL_MS) return;
        lastLineMs = now;
        stderr.write(`${text}\n`);
      }
      lastText = text;
    },
    async confirm(question, signal) {
      if (options.yes) return true;
      if (!stdin.isTTY || !stderr.isTTY) {
        throw new UsageError(`${question}\nnobody can be asked here: add --yes to go ahead`);
      }
      closeLine();
      const prompt = createInterface({ input: stdin, output: stderr });
      try {
        return /^y(es)?$/i.test(await prompt.question(`${question} [y/N] `, { signal }));
      } finally {
        prompt.close();
      }
    },
  };
}

/** Colours a text for stdout, where it is a terminal and NO_COLOR is not set. */
export function coloured(colour: 'red' | 'green' | 'yellow', text: string): string {
  return styleText(colour, text, { stream: process.stdout });
}

function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part), 2);
}
