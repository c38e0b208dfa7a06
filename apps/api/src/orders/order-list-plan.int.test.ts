import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { type Tables } from '@order-events/database';
import { type CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { createTestDatabase } from '../../../../test/harness/index.ts';
import { ANYBODY, type Caller } from './caller.ts';
import { createOrderStore, type OrderListQuery } from './order-store.ts';

const MIDDLE = { createdAt: '2026-01-01T02:00:00.000000Z', orderId: '00000000-0000-4000-8000-000000000000' };

const LARGE: Caller = { subject: 'shop', customerId: 'large' };

const FILTERS: Omit<OrderListQuery, 'limit'>[] = [
  { caller: ANYBODY },
  { caller: ANYBODY, status: 'pending' },
  { caller: ANYBODY, status: 'cancelled' },
  { caller: ANYBODY, customerId: 'large' },
  { caller: ANYBODY, customerId: 'c-7' },
  { caller: ANYBODY, customerId: 'large', status: 'pending' },
  { caller: ANYBODY, customerId: 'large', status: 'cancelled' },
  { caller: ANYBODY, customerId: 'large', status: 'shipped' },
  { caller: LARGE },
  { caller: LARGE, status: 'cancelled' },
  { caller: LARGE, customerId: 'large', status: 'pending' },
];

/** With how many walks: one for each status of each customer. */
const SEVERAL: readonly (readonly [Omit<OrderListQuery, 'limit'>, number])[] = [
  [{ caller: ANYBODY, statuses: ['pending', 'cancelled', 'shipped'] }, 3],
  [{ caller: ANYBODY, customerIds: ['large', 'c-7', 'nobody'] }, 3],
  // All orders of a customer who has few of them may be looked at.
  [{ caller: ANYBODY, customerIds: ['large', 'nobody'], statuses: ['cancelled', 'pending', 'shipped'] }, 6],
  [{ caller: ANYBODY, orderIds: [MIDDLE.orderId], statuses: ['pending'] }, 1],
  [{ caller: LARGE, customerIds: ['large', 'c-7'], statuses: ['pending', 'cancelled'] }, 2],
];

interface Plan {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Relation Name'?: string;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Plan[];
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** What Postgres did for a page of ten of thirty thousand orders: the nodes of its plan, in their order. */
async function createPlannedOrders(t: TestContext): Promise<(query: OrderListQuery) => Promise<Plan[]>> {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  // One customer has half of all; one order in ten thousand is cancelled, none is shipped.
  await pool.query(`INSERT INTO orders
    SELECT gen_random_uuid(), CASE WHEN number % 2 = 0 THEN 'large' ELSE 'c-' || number % 500 END,
      CASE WHEN number % 10000 = 0 THEN 'cancelled' ELSE 'pending' END, 1, 'EUR', '[]', 0,
      timestamptz '2026-01-01' + number * interval '1 second', timestamptz '2026-01-01'
    FROM generate_series(1, 30000) AS number`);
  await pool.query('ANALYZE orders');
  const sent: CompiledQuery[] = [];
  const database = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query }) => void sent.push(query),
  });
  t.after(() => database.destroy());
  return async (query) => {
    await createOrderStore().list(database, query);
    const { sql, parameters } = sent.at(-1) ?? assert.fail('no query was sent');
    const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`,
      [...parameters],
    );
    return nodesOf(rows[0]?.['QUERY PLAN'][0].Plan ?? assert.fail('no plan'));
  };
}

test('every filter of a list, and every page of it, is an index that is walked for the rows of the page', async (t) => {
  const planOf = await createPlannedOrders(t);
  for (const filter of FILTERS) {
    for (const after of [undefined, MIDDLE]) {
      const nodes = await planOf({ ...filter, after, limit: 10 });
      const shown = JSON.stringify([
        filter,
        after,
        nodes.map((node) => [node['Node Type'], node['Index Name']]),
      ]);
      const scans = nodes.filter((node) => node['Node Type'].includes('Scan') && !node.Plans);
      assert.deepEqual(
        scans.map((node) => node['Node Type']),
        ['Index Scan'],
        shown,
      );
      for (const node of nodes) {
        assert.equal(node['Rows Removed by Filter'] ?? 0, 0, shown);
        assert.ok(node['Actual Rows'] <= 12, shown);
      }
    }
  }
});

test('with several of a filter each is an index that is walked for no more than the page, and rows are found by their ids', async (t) => {
  const planOf = await createPlannedOrders(t);
  for (const [filter, walks] of SEVERAL) {
    for (const after of [undefined, MIDDLE]) {
      const nodes = await planOf({ ...filter, after, limit: 10 });
      const shown = JSON.stringify([
        filter,
        after,
        nodes.map((node) => [node['Node Type'], node['Index Name'], node['Actual Rows']]),
      ]);
      const scans = nodes.filter((node) => node['Relation Name'] === 'orders');
      assert.ok(scans.length <= walks + 1, shown);
      assert.ok(scans.length > 0, shown);
      for (const scan of scans) {
        assert.match(scan['Node Type'], /^Index (Only )?Scan$/, shown);
        assert.equal(scan['Rows Removed by Filter'] ?? 0, 0, shown);
        // Either the walks, or the rows of the page by their ids.
        assert.ok(scan['Actual Loops'] <= 11, shown);
        assert.ok(scan['Actual Rows'] <= 11, shown);
      }
    }
  }
});
