import { ConnectionsTakenError } from './unanswered-connections.ts';

/**
 * SQLSTATEs of a server that cannot do now what it could do at another time: lost connections (class 08), out of resources (53, a full
 * disk among them), a disk that fails (58), shutdown and start-up (57P), statement, lock, idle and transaction timeouts, read-only, and
 * conflicts that outlasted the retries.
 */
const AWAY_SQLSTATE = /^(08...|53...|58...|57P..|57014|55P03|25P0[34]|25006|40001|40P01)$/;

const AWAY_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** node-postgres gives these errors no code. */
const AWAY_MESSAGES =
  /connection terminated|connection timeout|timeout exceeded when trying to connect|timeout expired|query read timeout|is not queryable/i;

/** Of a disk that the kernel has made read-only: Postgres gives this the SQLSTATE of a right that is missing. */
const READ_ONLY_DISK = /read-only file system$/i;

/** SQLSTATEs of a session that has ended, by an administrator, a crash, a time-out or a pooler. */
const LOST_SQLSTATE = /^(08...|57P01|57P02|57P05)$/;
const LOST_CODES = new Set(['ECONNRESET', 'EPIPE']);
const LOST_MESSAGES = /^connection terminated( unexpectedly)?$|is not queryable/i;
const READ_ONLY_SQLSTATE = '25006';
/** SQLSTATEs of who is not let in: password, pg_hba.conf or NOLOGIN (class 28), or there is no such database. */
const CLOSED_SQLSTATE = /^(28...|3D000)$/;

/** Whether an error says that the connection's session had ended: nothing is wrong with a new one. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  return LOST_CODES.has(code) || LOST_SQLSTATE.test(code) || LOST_MESSAGES.test(error.message);
}

/** Whether an error says that the database takes no changes: a standby, or a setting. */
export function isDatabaseReadOnly(error: unknown): boolean {
  return error instanceof Error && codeOf(error) === READ_ONLY_SQLSTATE;
}

/**
 * Whether the server does not let this program in: a mistake where it starts; where it runs, somebody has changed a password or is
 * restoring the database, and the next connection may be let in again.
 */
export function isDatabaseClosed(error: unknown): boolean {
  return error instanceof Error && CLOSED_SQLSTATE.test(codeOf(error));
}

/** Whether an error says that the database cannot answer now, rather than that the statement was wrong: the same may work later. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof ConnectionsTakenError) return true;
  const code = codeOf(error);
  if (AWAY_CODES.has(code) || AWAY_SQLSTATE.test(code) || AWAY_MESSAGES.test(error.message)) return true;
  if (READ_ONLY_DISK.test(error.message)) return true;
  // Each address of a host name that was tried.
  return error instanceof AggregateError && error.errors.some(isDatabaseAway);
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
