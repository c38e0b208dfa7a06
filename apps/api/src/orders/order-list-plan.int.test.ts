import assert from 'node:assert/strict';
import { test } from 'node:test';
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

interface Plan {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Plan[];
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

test('every filter of a list, and every page of it, is an index that is walked for the rows of the page', async (t) => {
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
  for (const filter of FILTERS) {
    for (const after of [undefined, MIDDLE]) {
      await createOrderStore().list(database, { ...filter, after, limit: 10 });
      const { sql, parameters } = sent.at(-1) ?? assert.fail('no query was sent');
      const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
        `EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`,
        [...parameters],
      );
      const nodes = nodesOf(rows[0]?.['QUERY PLAN'][0].Plan ?? assert.fail('no plan'));
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
