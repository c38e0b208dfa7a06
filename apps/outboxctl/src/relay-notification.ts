import type { Transaction } from '@order-events/database';
import { sql } from 'kysely';

/** Relays listen to it and then look at the tables; a notification that is lost costs one interval of their ownership check. */
const RELAY_OWNERSHIP_CHANNEL = 'relay_ownership';

/** Tells all relays, when the transaction commits, that a row about their work has changed. */
export async function notifyRelays(transaction: Transaction): Promise<void> {
  await sql`SELECT pg_notify(${RELAY_OWNERSHIP_CHANNEL}, '')`.execute(transaction);
}
