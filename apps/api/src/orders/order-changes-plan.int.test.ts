import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Tables } from '@order-events/database';
import { type CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { createTestDatabase } from '../../../../test/harness/index.ts';
import { ANYBODY, type Caller } from './caller.ts';
import { listOrderChanges, type OrderChangesQuery } from './order-changes.ts';
import type { Moment } from './moment.ts';

const ORDERS = 20_000;
/** More than the 2,000 changes of a page and the orders of them take, and far less than looking at all of them would. */
const MOST_BLOCKS = 14_000;

const RARE: Caller = { subject: 'shop', customerId: 'rare' };
const FILTERS: Pick<OrderChangesQuery, 'caller' | 'status' | 'customerId'>[] = [
  { caller: ANYBODY },
  { caller: ANYBODY, status: 'cancelled' },
  { caller: ANYBODY, customerId: 'rare' },
  { caller: RARE },
  { caller: RARE, customerId: 'large' },
];

interface Plan {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Plan[];
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

async function momentOf(pool: pg.Pool): Promise<Moment> {
  const { rows } = await pool.query<Moment>(
    'SELECT outbox_run() AS run, pg_current_snapshot()::text AS snapshot',
  );
  return rows[0]!;
}

test('each page of twenty thousand changed orders costs the same, whatever is asked for and however far it is', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const sent: CompiledQuery[] = [];
  const database = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query }) => void sent.push(query),
  });
  t.after(() => database.destroy());
  for (const day of [1, 2, 3]) {
    await pool.query(
      `CREATE TABLE outbox_2026010${day} PARTITION OF outbox FOR VALUES FROM ('2026-01-0${day}') TO ('2026-01-0${day + 1}')`,
    );
  }
  const since = await momentOf(pool);
  // Many small transactions; of some filters a few orders match, far from each other.
  await pool.query(`DO $block$ BEGIN FOR number IN 1..${ORDERS} LOOP
      WITH placed AS (
        INSERT INTO orders SELECT gen_random_uuid(), CASE WHEN number % 4000 = 0 THEN 'rare' ELSE 'large' END,
          CASE WHEN number % 4000 = 0 THEN 'cancelled' ELSE 'pending' END, 1, 'EUR', '[]', 0, now(), now() RETURNING id)
      INSERT INTO outbox (key, key_hash, event_id, event_type, payload, created_at)
        SELECT id::text, 1, gen_random_uuid(), 'order.created', '{}', timestamptz '2026-01-01' + number * interval '2 seconds' FROM placed;
      IF number % 5 = 0 THEN COMMIT; END IF;
    END LOOP; END $block$`);

  /** Blocks touched by the statement that was sent last, in the function's own plans too. */
  const costOfLast = async (shown: string, looksForOrders = true) => {
    const { sql, parameters } = sent.at(-1) ?? assert.fail('no query was sent');
    const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
      [...parameters],
    );
    const plan = rows[0]?.['QUERY PLAN'][0].Plan ?? assert.fail('no plan');
    const ofOrders = nodesOf(plan).filter((node) => node['Relation Name'] === 'orders');
    assert.deepEqual(
      ofOrders.map((node) => node['Index Name']),
      looksForOrders ? ['orders_pkey'] : [],
      shown,
    );
    return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
  };

  for (const statistics of ['of empty tables', 'of full ones']) {
    if (statistics === 'of full ones') await pool.query('ANALYZE');
    for (const filter of FILTERS) {
      const shown = `${JSON.stringify(filter)}, statistics ${statistics}`;
      const ids = new Set<string>();
      const costs: number[] = [];
      let after: OrderChangesQuery['after'];
      for (let page = 0; ; page += 1) {
        const found = await listOrderChanges(database, { ...filter, since, after, limit: 500 });
        for (const { orderId } of found.orders) ids.add(orderId);
        // The first pages, and some on the way.
        if (page % 8 < 2) costs.push(await costOfLast(shown, filter.customerId !== 'large'));
        after = found.next;
        if (!after) break;
      }
      t.diagnostic(`${shown}: ${costs.join(', ')} blocks`);
      const isNothing = filter.customerId === 'large';
      const expected = isNothing
        ? 0
        : filter.caller === ANYBODY && Object.keys(filter).length === 1
          ? ORDERS
          : 5;
      assert.equal(ids.size, expected, shown);
      for (const cost of costs) assert.ok(cost < MOST_BLOCKS, `${cost} blocks: ${shown}`);
    }
  }

  const now = await momentOf(pool);
  const nothing = await listOrderChanges(database, { caller: ANYBODY, since: now, limit: 500 });
  assert.deepEqual([nothing.orders, nothing.next], [[], undefined]);
  const idle = await costOfLast('nothing has changed');
  assert.ok(idle < 200, `${idle} blocks when nothing has changed`);
});
