import { pino } from 'pino';
import { reasonOf } from './failure-reason.ts';

/**
 * Fields of errors that say where and what, beside message and stack. All others are left out: Postgres puts the row itself into
 * `detail` and `where`, a refused URL carries its password in `input`, and a failed request what it was sent with.
 */
const SHOWN_FIELDS = [
  'code',
  'severity',
  'constraint',
  'schema',
  'table',
  'column',
  'syscall',
  'address',
  'port',
] as const;

/** What a log line shows of an error: its type, message and stack, those of its causes, and the fields that are known to be harmless. */
export function loggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack } = pino.stdSerializers.err(error);
  const fields = Object.entries(error).filter(([name]) => SHOWN_FIELDS.some((shown) => shown === name));
  const inner = error instanceof AggregateError ? { aggregateErrors: error.errors.map(loggedError) } : {};
  return { type, message, stack, ...Object.fromEntries(fields), ...inner };
}

/** What a log line shows of an error that was to be expected: what it says, and of its causes what that does not say already. */
export function loggedReason(reason: unknown): unknown {
  if (!(reason instanceof Error)) return reason;
  const said = reasonOf(reason);
  if (!(reason.cause instanceof Error)) return said;
  const cause = loggedReason(reason.cause);
  return said.includes(String(cause)) ? said : `${said}: ${String(cause)}`;
}
