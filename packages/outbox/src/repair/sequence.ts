import { inPoolTransaction } from '@order-events/database';
import type { ClientBase, Pool } from 'pg';
import type { Queries } from '../queries.ts';

/** The numbers from which events are numbered anew; those of later transactions follow behind. */
export interface ReservedNumbers {
  readonly from: bigint;
}

/** More than anybody draws between two statements. */
const SLACK = 100_000;

/** Whether numbers will be, or have been, given out twice: the sequence was set back, or is that of a logical replica. */
export async function isSequenceDisordered(queries: Queries): Promise<boolean> {
  const { rows } = await queries.query<{ disordered: boolean }>(
    `SELECT (SELECT last_value FROM outbox_seq) < (SELECT max(seq) FROM outbox)
       OR EXISTS (SELECT FROM outbox GROUP BY seq HAVING count(*) > 1) AS disordered`,
  );
  return rows[0]?.disordered === true;
}

/**
 * Moves the sequence beyond every number there is, with room for all rows before it, and waits until those that drew earlier have ended:
 * whatever is inserted from then on has a greater number than whatever is there. Sequences know no transactions, so it stays so whatever
 * becomes of the rest.
 */
export function reserveNumbers(pool: Pool): Promise<ReservedNumbers> {
  return inPoolTransaction(pool, async (client) => {
    const { rows } = await client.query<{ from: bigint }>(
      `WITH present AS MATERIALIZED (
         SELECT count(*) AS rows, greatest(max(seq), (SELECT last_value FROM outbox_seq)) AS highest FROM outbox)
       SELECT highest + $1::int AS "from", setval('outbox_seq', highest + 2 * $1::int + rows) FROM present`,
      [SLACK],
    );
    await client.query('LOCK TABLE outbox IN SHARE MODE');
    return { from: BigInt(rows[0]?.from ?? 0) };
  });
}

/**
 * Gives what is to be published the reserved numbers, in `row_state`. Numbers that were drawn twice do not tell what came first; the times
 * do, since they were taken while the row of the order was locked.
 */
export async function numberAnew(client: ClientBase, { from }: ReservedNumbers): Promise<number> {
  const { rowCount } = await client.query(
    `UPDATE row_state SET new_seq = $1::bigint + place
     FROM (SELECT seq, event_id, row_number() OVER (ORDER BY created_at, seq) AS place
           FROM row_state WHERE state = 'unpublished' AND seq < $1::bigint) AS placed
     WHERE placed.seq = row_state.seq AND placed.event_id = row_state.event_id`,
    [from],
  );
  return rowCount ?? 0;
}
