import { inPoolTransaction, type WakeUpChannel } from '@order-events/database';
import type { ClientBase, Pool } from 'pg';
import type { Queries } from '../queries.ts';

/** Relays listen to it and then look at the tables; a notification that is lost costs one interval of their ownership check. */
const CHANNEL: WakeUpChannel = 'relay_ownership';

/**
 * Tells all relays that their tables have changed; they find it by themselves when it fails. Not to be asked within a transaction: while
 * Postgres has no room for another notification (one session that listens and stays in a transaction is enough) it refuses the commit.
 */
export async function wakeRelays(queries: Queries): Promise<void> {
  await queries.query(`SELECT pg_notify($1, '')`, [CHANNEL]).catch(() => undefined);
}

/** Changes rows about the relays' work in a transaction, and tells all relays once it is committed. */
export async function inTransactionForRelays<T>(
  pool: Pool,
  work: (client: ClientBase) => Promise<T>,
): Promise<T> {
  const answer = await inPoolTransaction(pool, work);
  await wakeRelays(pool);
  return answer;
}
