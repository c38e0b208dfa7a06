import type pg from 'pg';
import { eventually } from '../../test/harness/eventually.ts';
import type { JudgedTraffic } from './judged-traffic.ts';
import { PARTITIONS } from './topic.ts';

const DEADLINE_MS = 120_000;

/** Both relays publish, both gateways serve consumers: the next fault meets everybody at work. */
export async function untilSettled(pool: pg.Pool, traffic: JudgedTraffic): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await pool.query<{ held: number }>(
        'SELECT count(*)::int AS held FROM relay_partition WHERE lease_until > now() GROUP BY owner',
      );
      const held = rows.map((row) => row.held);
      const sum = held.reduce((all, each) => all + each, 0);
      if (held.length !== 2 || sum !== PARTITIONS || Math.min(...held) < PARTITIONS / 2 - 1)
        throw new Error(`the relays hold ${held.join(' and ')} partitions`);
      if (!traffic.areConsumersAtWork()) throw new Error('a consumer has no share');
    },
    { deadlineMs: DEADLINE_MS, intervalMs: 200 },
  );
}
