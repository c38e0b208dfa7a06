import { durationText } from '@order-events/runtime';
import type { Finding } from '../health/delivery-health.ts';
import type { Queries } from '../queries.ts';

/*
 * Times that are stored come from the clock of the database. When it is set back, or another server with another clock takes over, what
 * was stamped before lies ahead of it: a lease of an owner that is gone would hold its partition for as long as the clock went back.
 */

/** Clocks are put right by less all the time. */
const TOLERANCE_SECONDS = 1;

/** SQL: whether the time in `column` cannot have been taken from the clock as it is now. */
export const isStampedAhead = (column: string): string =>
  `${column} > clock_timestamp() + ${TOLERANCE_SECONDS} * interval '1 second'`;

/** Tells how far stored times lie ahead of the clock of the database. */
export async function clockFindings(pool: Queries): Promise<Finding[]> {
  const { rows } = await pool.query<{ ahead: string | null }>(
    `SELECT extract(epoch FROM greatest(
       (SELECT max(updated_at) FROM relay_partition), (SELECT max(heartbeat_at) FROM relay_instance),
       (SELECT max(reported_at) FROM relay_report), (SELECT created_at FROM outbox ORDER BY seq DESC LIMIT 1)
     ) - clock_timestamp()) AS ahead`,
  );
  const aheadSeconds = Number(rows[0]?.ahead ?? 0);
  if (aheadSeconds <= TOLERANCE_SECONDS) return [];
  // In whole minutes, so that all who look say the same.
  const ahead = durationText(Math.ceil(aheadSeconds / 60) * 60);
  const text =
    `times in the database are up to ${ahead} ahead of its clock, which was set back: leases of relays that are ` +
    'gone end one lease from now, and ages of events are shown too small until then';
  return [{ name: 'clock-set-back', severity: 'notice', text, partitions: [] }];
}
