import { createPool, createPoolPart, type PoolOptions } from '@order-events/database';
import type { Logger, Part } from '@order-events/runtime';
import type { Pool } from 'pg';

/** Requests go out one at a time; the other connection is for when one answers no more. */
const CONNECTIONS = 2;

/** Connections for one purpose alone: whatever the rest of the relay asks for, and for however long, nothing waits behind it. */
export function createOwnConnections(
  purpose: string,
  options: Pick<PoolOptions, 'url' | 'throughPooler' | 'statementTimeoutMs' | 'settings'>,
  log: Logger,
): Part & { readonly pool: Pool } {
  const pool = createPool({
    ...options,
    applicationName: `relay ${purpose}`,
    maxConnections: CONNECTIONS,
    onConnectionError: (error) => log.warn({ reason: error }, 'lost a database connection'),
  });
  return { ...createPoolPart(`${purpose} connections`, pool), pool };
}
