import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOutboxSql } from './outbox-sql.ts';

const WRITER = { file: 'packages/outbox/src/state/parked-events.ts', text: 'q(`DELETE FROM parked_event`);' };

const found = (file: string, text: string) => checkOutboxSql([WRITER, { file, text }]);

test('the package asks its tables, and each is written in one file', () => {
  assert.deepEqual(
    found('packages/outbox/src/state/parked-keys.ts', "q('SELECT key FROM parked_event');"),
    [],
  );
  assert.deepEqual(
    found('packages/outbox/src/state/identity.ts', "q('UPDATE relay_identity SET topic = $1');"),
    [],
  );
});

for (const text of [
  "q('UPDATE parked_event SET cause = $1');",
  'q(`WITH gone AS (DELETE FROM parked_event WHERE ${condition} RETURNING key)\n SELECT key FROM gone`);',
  'const park = `${first}, then AS (\n  INSERT INTO parked_event SELECT 1)`;',
]) {
  test(`a second writer is found: ${text}`, () => {
    assert.deepEqual(found('packages/outbox/src/state/leases.ts', text), [
      'parked_event is written in 2 files (packages/outbox/src/state/leases.ts, packages/outbox/src/state/parked-events.ts): let one of them write it',
    ]);
    assert.deepEqual(
      found('packages/outbox/src/repair/rebase.ts', text),
      [],
      'a repair writes whatever it must',
    );
    assert.deepEqual(found('packages/outbox/src/state/leases.int.test.ts', text), []);
  });
}

test('to lock a row is not to write it', () => {
  const text =
    'q(`SELECT FROM parked_event FOR UPDATE`); q(`INSERT INTO x SELECT 1 ON CONFLICT DO UPDATE SET y = 1`);';
  assert.deepEqual(found('packages/outbox/src/state/leases.ts', text), []);
});

test('day tables are part of the outbox', () => {
  const [problem] = checkOutboxSql([
    { file: 'packages/outbox/src/retention/day-tables.ts', text: "q('TRUNCATE outbox_default');" },
    { file: 'packages/outbox/src/retention/other.ts', text: "q('ALTER TABLE outbox ATTACH PARTITION x');" },
  ]);
  assert.match(problem ?? '', /^outbox is written in 2 files/);
});

for (const [file, text] of [
  ['apps/relay/src/inspection.ts', "q('SELECT 1');"],
  ['apps/relay/src/relay.ts', 'q(`\n  WITH x AS (SELECT 1) SELECT ${column} FROM x`);'],
  ['apps/outboxctl/src/commands/status.ts', "q('SHOW transaction_read_only');"],
] as const) {
  test(`the relay and outboxctl have no statement at all: ${text}`, () => {
    assert.match(found(file, text)[0] ?? '', /:1: a statement: only packages\/outbox asks the database/);
    assert.deepEqual(found(file.replace('.ts', '.int.test.ts'), text), []);
  });
}

for (const text of [
  "q('SELECT count(*) FROM relay_partition');",
  'q(`SELECT 1 FROM orders JOIN outbox USING (id)`);',
  "const late = 'INSERT INTO replay_request VALUES (1)';",
]) {
  test(`nobody else has one about the tables: ${text}`, () => {
    assert.match(
      found('apps/api/src/orders/order-store.ts', text)[0] ?? '',
      /packages\/outbox is the one door to it/,
    );
    assert.match(found('packages/database/src/pool.ts', text)[0] ?? '', /is the one door to it/);
  });
}

test('what is no statement is left alone', () => {
  const text =
    "log('events FROM Kafka'); log('SELECTED'); log(`the outbox and relay_partition`); q('SELECT 1 FROM orders');";
  assert.deepEqual(found('apps/api/src/app.ts', text), []);
  assert.deepEqual(found('apps/relay/src/app.ts', "log('SELECTED'); log('set back');"), []);
});

test("the canary's insert may stand in its file, and nowhere else", () => {
  const text = 'q(`INSERT INTO outbox (key) VALUES ($1)`);';
  assert.deepEqual(found('apps/relay/src/canary/canary-writer.ts', text), []);
  assert.equal(found('apps/relay/src/canary/canary.ts', text).length, 1);
});

test('a check that finds no writer does not pass', () => {
  assert.match(checkOutboxSql([])[0] ?? '', /no statement that writes a table was found/);
});
