/**
 * SQLSTATEs of a server that cannot do now what it could do at another time: lost connections (class 08), out of resources (53),
 * shutdown and start-up (57P), statement, lock and idle timeouts, read-only after a failover, and conflicts that outlasted the retries.
 */
const AWAY_SQLSTATE = /^(08...|53...|57P..|57014|55P03|25P0[34]|25006|40001|40P01)$/;

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

/** Whether an error says that the database cannot answer now, rather than that the statement was wrong: the same may work later. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (AWAY_CODES.has(code) || AWAY_SQLSTATE.test(code) || AWAY_MESSAGES.test(error.message)) return true;
  // Each address of a host name that was tried.
  return error instanceof AggregateError && error.errors.some(isDatabaseAway);
}
