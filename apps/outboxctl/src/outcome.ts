export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command line is wrong, or asks for what only a person may confirm. Ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for cannot be done now; the message says what to do. Ends with exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
