import { createPool, type databaseAccess } from '@order-events/database';
import { type Logger, type Part, settleWithin } from '@order-events/runtime';
import type { Pool } from 'pg';

/** Requests for leases go out one at a time; the other connection is for when one answers no more. */
const CONNECTIONS = 2;
/** A connection that answers no more is not waited for. */
const END_MS = 2000;

/** Connections for leases alone: whatever the rest of the relay reads, and for however long, a lease is renewed in time. */
export function createLeaseConnections(options: {
  access: ReturnType<typeof databaseAccess>;
  /** Longest time for one request. */
  requestMs: number;
  log: Logger;
}): Part & { readonly pool: Pool } {
  const pool = createPool({
    ...options.access,
    applicationName: 'relay leases',
    maxConnections: CONNECTIONS,
    statementTimeoutMs: Math.ceil(options.requestMs),
    onConnectionError: (error) => options.log.warn({ err: error }, 'lost a database connection'),
  });
  return {
    name: 'lease connections',
    pool,
    start: async () => {},
    async stop() {
      if (!pool.ending) await settleWithin(pool.end(), END_MS);
    },
  };
}
