import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BEFORE_THIS_CHECK, checkMigrations } from './expand-migrations.ts';

const FILE = 'migrations/0099_next.sql';
const found = (text: string) => checkMigrations([{ file: FILE, text }], {});

for (const [text, what] of [
  ['DROP TABLE orders;', /drops what they may use/],
  ['drop function if exists outbox_page(text);', /drops what they may use/],
  ['ALTER TABLE orders DROP COLUMN total_minor;', /drops a column/],
  ['ALTER TABLE orders DROP total_minor;', /drops a column/],
  [
    'ALTER TABLE IF EXISTS ONLY orders\n  ADD COLUMN a text, DROP COLUMN b;',
    /drops a column.* DROP COLUMN b:/,
  ],
  ['ALTER TABLE orders RENAME COLUMN total_minor TO total;', /another name/],
  ['ALTER TABLE orders RENAME TO purchases;', /another name/],
  ['ALTER SEQUENCE outbox_seq RENAME TO seq;', /another name/],
  ['ALTER TABLE orders ADD COLUMN region text NOT NULL;', /do not fill/],
  ["ALTER TABLE orders ADD region text CHECK (region <> '') NOT NULL;", /do not fill/],
  ['ALTER TABLE orders ALTER COLUMN currency SET NOT NULL;', /may not give/],
  ['ALTER TABLE outbox ALTER created_at DROP DEFAULT;', /may not give/],
  ['ALTER TABLE orders ALTER COLUMN version TYPE bigint;', /another type/],
  ["ALTER TABLE orders ADD CONSTRAINT c CHECK (status <> 'shipped');", /may refuse/],
  ['ALTER TABLE orders ADD CHECK (version < 10);', /may refuse/],
  ['ALTER TABLE orders DROP CONSTRAINT orders_status_check;', /drops a constraint/],
  ['CREATE UNIQUE INDEX once ON orders (customer_id);', /may refuse/],
  ['CREATE TRIGGER t BEFORE INSERT ON orders EXECUTE FUNCTION f();', /their statements do/],
  ['REVOKE SELECT ON orders FROM orders_relay;', /a right away/],
  ['DO $$ BEGIN ALTER TABLE orders DROP COLUMN items; END $$;', /drops a column/],
  ["DO $b$ BEGIN EXECUTE format('ALTER TABLE %I DROP COLUMN items', 'orders'); END $b$;", /drops a column/],
] as const) {
  test(`refuses ${text}`, () => {
    const [problem = 'nothing was found', ...more] = found(text);
    assert.match(problem, what);
    assert.ok(problem.startsWith(`${FILE}: `));
    assert.deepEqual(more, []);
  });
}

for (const text of [
  'CREATE TABLE note (id int PRIMARY KEY, text text NOT NULL, CHECK (id > 0));\nCREATE UNIQUE INDEX n ON note (text);',
  'CREATE TABLE note (id int);\nALTER TABLE note ADD CONSTRAINT c CHECK (id > 0);',
  'ALTER TABLE orders ADD COLUMN region text;',
  "ALTER TABLE orders ADD COLUMN region text NOT NULL DEFAULT 'eu' CHECK (region IN ('eu', 'us'));",
  'ALTER TABLE orders ALTER COLUMN region DROP NOT NULL;',
  'CREATE INDEX orders_by_region ON orders (region);',
  'ALTER TABLE relay_partition SET (toast_tuple_target = 512);',
  '-- DROP TABLE orders;\nSELECT 1;',
  "COMMENT ON TABLE orders IS 'DROP TABLE orders; is not said';",
  "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $function$ BEGIN EXECUTE 'DROP TABLE x'; DROP TABLE y; END $function$;",
]) {
  test(`takes ${text}`, () => assert.deepEqual(found(text), []));
}

test('the second step says since which release nobody uses what it takes away', () => {
  const drop = 'ALTER TABLE orders DROP COLUMN items;';
  assert.deepEqual(found(`-- contract since 0.3.0: the API reads order_item instead.\n${drop}`), []);
  for (const comment of [
    '-- contract',
    '-- contract since 0.3.0:',
    '-- contract since now: really',
    '-- wider: no',
  ]) {
    assert.equal(found(`${comment}\n${drop}`).length, 1, comment);
  }
});

test('a constraint may take the place of a narrower one', () => {
  const replace =
    "ALTER TABLE orders DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (status IN ('pending', 'returned'));";
  assert.equal(found(replace).length, 2);
  assert.deepEqual(found(`-- wider: one more status.\n${replace}`), []);
});

test('what was there before is listed as long as it is there, statement by statement', () => {
  const [[file, statement] = ['', '']] = Object.entries(BEFORE_THIS_CHECK);
  assert.deepEqual(checkMigrations([{ file, text: `${statement};` }]), []);
  assert.equal(checkMigrations([{ file, text: `${statement}; DROP TABLE orders;` }]).length, 1);
  assert.match(checkMigrations([{ file, text: 'SELECT 1;' }])[0] ?? '', /nothing to list/);
});
