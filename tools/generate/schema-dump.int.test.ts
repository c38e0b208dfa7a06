import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { createTestDatabase } from '../../test/harness/index.ts';
import { dumpSchema } from './schema-dump.ts';

test('two databases with the same migrations have the same dump', async (t) => {
  const first = await dumpSchema((await createTestDatabase(t)).url);
  const second = await dumpSchema((await createTestDatabase(t)).url);
  assert.equal(first, second);
  assert.match(first, /^CREATE TABLE outbox \($/m);
  assert.match(first, /^CREATE INDEX outbox_by_seq ON ONLY outbox USING btree \(seq\);$/m);
});

for (const [change, expected] of [
  ['ALTER TABLE orders ADD COLUMN note text', /^ {2}note text,?$/m],
  [
    "ALTER TABLE orders ALTER COLUMN currency SET DEFAULT 'EUR'",
    /^ {2}currency text NOT NULL DEFAULT 'EUR'::text,$/m,
  ],
  [
    'ALTER TABLE orders ADD CONSTRAINT some_total CHECK (total_minor > 0)',
    /^ {2}CONSTRAINT some_total CHECK \(total_minor > 0\)/m,
  ],
  [
    'DROP INDEX orders_by_status',
    /^CREATE INDEX orders_by_customer_and_status .*;\n\nCREATE INDEX outbox_by_seq/m,
  ],
  [
    "CREATE TABLE outbox_old PARTITION OF outbox FOR VALUES FROM ('2026-01-01') TO ('2026-01-02')",
    /^CREATE TABLE outbox_old PARTITION OF outbox FOR VALUES FROM/m,
  ],
  [
    "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    /^CREATE OR REPLACE FUNCTION public\.one\(\)$/m,
  ],
  ["COMMENT ON COLUMN orders.version IS 'grows'", /^COMMENT ON COLUMN orders\.version IS 'grows';$/m],
] as const) {
  test(`the dump shows: ${change}`, async (t) => {
    const { url } = await createTestDatabase(t);
    assert.doesNotMatch(await dumpSchema(url), expected);
    await execute(url, change);
    assert.match(await dumpSchema(url), expected);
  });
}

for (const [change, named] of [
  ['CREATE VIEW open_orders AS SELECT id FROM orders', /relation open_orders of kind v/],
  ["CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1'", /procedure or aggregate nothing\(\)/],
  ["CREATE TYPE mood AS ENUM ('good')", /type mood/],
  [
    'ALTER TABLE orders ADD COLUMN nr bigint GENERATED ALWAYS AS IDENTITY',
    /identity or generated column orders\.nr/,
  ],
] as const) {
  test(`what the dump cannot show is an error: ${change}`, async (t) => {
    const { url } = await createTestDatabase(t);
    await execute(url, change);
    await assert.rejects(dumpSchema(url), named);
  });
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
