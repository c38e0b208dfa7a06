import type { Pool } from 'pg';
import type { PartitionMode } from './lease.ts';
import { RESTAMP_LEASES, SET_MODE } from './lease-statements.ts';
import { inTransactionForRelays } from './relay-notification.ts';

/** Puts partitions (all of them when none are named) into a mode and tells the relays. Answers with those whose mode was another one. */
export function setMode(
  pool: Pool,
  mode: PartitionMode,
  partitions: readonly number[] | undefined,
): Promise<number[]> {
  return inTransactionForRelays(pool, async (client) => {
    await client.query(RESTAMP_LEASES);
    const { rows } = await client.query<{ partition: number }>(SET_MODE, [mode, partitions ?? null]);
    return rows.map(({ partition }) => partition).sort((a, b) => a - b);
  });
}
