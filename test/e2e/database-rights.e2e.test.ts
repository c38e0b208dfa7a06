import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { migrateToLatest } from '@order-events/database';
import pg from 'pg';
import { createOrderClient } from '../../apps/api/testing/order-client.ts';
import { runOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { appEnv } from '../harness/order-apps.ts';
import { TEST_HEADERS } from '../harness/test-access.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const RIGHTS = new URL('../../ops/postgres/rights.sql', import.meta.url);
const ROLES = ['owner', 'api', 'relay', 'operator', 'reader'] as const;
type Role = (typeof ROLES)[number];
const JANITOR_FUNCTIONS = 'outbox_create_day_table, outbox_drop_day_table, outbox_empty_default';

interface Installation {
  readonly adminUrl: string;
  readonly admin: pg.Pool;
  /** As the role. */
  readonly url: Readonly<Record<Role, string>>;
  /** SQL about the roles of the file, for those of this test. */
  own(sql: string): string;
}

/** A database whose tables belong to a role of their own, with the rights of the file for the others: roles are of the whole server. */
async function install(t: TestContext): Promise<Installation> {
  const { url: adminUrl } = await createTestDatabase(t);
  const admin = new pg.Pool({ connectionString: adminUrl, max: 2 });
  t.after(() => admin.end());
  const prefix = `t${randomUUID().slice(0, 8)}_`;
  const own = (sql: string) => sql.replaceAll(/\borders_(?=owner|api|relay|operator|reader)/g, prefix);
  const url = Object.fromEntries(
    ROLES.map((role) => {
      const roleUrl = new URL(adminUrl);
      Object.assign(roleUrl, { username: `${prefix}${role}`, password: 'secret' });
      return [role, roleUrl.href];
    }),
  ) as Record<Role, string>;
  for (const role of ROLES) await admin.query(`CREATE ROLE ${prefix}${role} LOGIN PASSWORD 'secret'`);
  await admin.query(own('DROP SCHEMA public CASCADE; CREATE SCHEMA public'));
  await admin.query(own('GRANT USAGE, CREATE ON SCHEMA public TO orders_owner'));
  await migrateToLatest(url.owner);
  await admin.query(own(await readFile(RIGHTS, 'utf8')));
  return { adminUrl, admin, url, own };
}

const textOf = async (url: string) => await (await fetch(url, { headers: TEST_HEADERS })).text();

test('each process does all its work with the rights of the file', async (t) => {
  const { admin, adminUrl, url, own } = await install(t);
  const { brokers, topic } = await createTestTopic(t);
  const env = (role: Role) => appEnv({ databaseUrl: url[role], brokers, topic });
  await admin.query(
    own(`CREATE TABLE outbox_20010101 PARTITION OF outbox FOR VALUES FROM ('2001-01-01') TO ('2001-01-02')`),
  );
  await admin.query(own('ALTER TABLE outbox_20010101 OWNER TO orders_owner'));
  const api = await startApp(t, 'api', env('api').api);
  const relay = await startApp(t, 'relay', env('relay').relay);
  const client = createOrderClient(api.urls.http);
  const orderIds = await Promise.all(Array.from({ length: 10 }, () => client.place()));
  for (const orderId of orderIds) await client.move(orderId, 'confirmed');
  const { body } = await client.send('GET', '/orders');
  const changed = await client.send('GET', `/orders?changed_since=${String(body['changes_token'])}`);
  assert.deepEqual([changed.status, changed.body['orders']], [200, []]);
  await assertTopicHoldsAll({ databaseUrl: adminUrl, brokers, topic });
  assert.ok((await fetch(`${api.urls.admin}/readyz`)).ok);
  assert.ok((await fetch(`${relay.urls.admin}/readyz`)).ok);

  await eventually(async () => {
    const { rows } = await admin.query<{ name: string; owner: string }>(
      `SELECT relname AS name, relowner::regrole::text AS owner FROM pg_class JOIN pg_inherits ON inhrelid = oid
       WHERE inhparent = 'outbox'::regclass`,
    );
    assert.ok(rows.length >= 4 && rows.every(({ name }) => name !== 'outbox_20010101'));
    assert.deepEqual([...new Set(rows.map(({ owner }) => owner))], [own('orders_owner')]);
  });

  const operator = (...args: string[]) => runOutboxctl(env('operator').relay, ...args, '--yes');
  const succeeds = async (run: typeof operator, ...command: string[]) => {
    const { code, stdout, stderr } = await run(...command);
    assert.equal(code, 0, `${command.join(' ')}: ${stdout}${stderr}`);
  };
  for (const command of [
    ['pause'],
    ['resume'],
    ['replay', '--since', '1h'],
    ['replay', 'status'],
    ['parked', 'list'],
    ['verify'],
    ['resize', '--partitions', '24'],
    ['rebase'],
  ]) {
    await succeeds(operator, ...command);
  }

  await eventually(async () => assert.equal((await operator('status')).code, 0));

  const reader = (...args: string[]) => runOutboxctl(env('reader').relay, ...args, '--yes');
  for (const command of [
    ['status'],
    ['verify'],
    ['parked', 'list'],
    ['replay', 'status'],
    ['replay', '--since', '1h', '--dry-run'],
    ['rebase', '--dry-run'],
  ]) {
    await succeeds(reader, ...command);
  }
  const before = await admin.query('SELECT mode FROM relay_partition');
  for (const command of [
    ['pause'],
    ['replay', '--since', '1h'],
    ['rebase'],
    ['resize', '--partitions', '30'],
  ]) {
    const { code, stderr } = await reader(...command);
    assert.equal(code, 1);
    assert.match(stderr, /permission denied for table \w+/, command.join(' '));
    assert.match(stderr, /rights\.sql/);
  }
  assert.deepEqual((await admin.query('SELECT mode FROM relay_partition')).rows, before.rows);

  await admin.query(
    `INSERT INTO parked_event (event_id, seq, partition, key, event_type, headers, payload, created_at, cause)
     SELECT event_id, seq, key_hash % 24, key, event_type, headers, payload, created_at, 'too large' FROM outbox
     WHERE key = ANY ($1)`,
    [orderIds.slice(0, 2)],
  );
  await succeeds(operator, 'parked', 'discard', '--key', String(orderIds[0]));
  await succeeds(operator, 'parked', 'requeue', '--all');
});

test('a relay without the functions of the janitor publishes, and says once that the outbox grows', async (t) => {
  const { admin, adminUrl, url, own } = await install(t);
  const { brokers, topic } = await createTestTopic(t);
  await admin.query(own(`REVOKE EXECUTE ON FUNCTION ${JANITOR_FUNCTIONS} FROM orders_relay`));
  const env = appEnv({ databaseUrl: url.relay, brokers, topic });
  const api = await startApp(t, 'api', appEnv({ databaseUrl: url.api, brokers, topic }).api);
  const relay = await startApp(t, 'relay', env.relay);
  await createOrderClient(api.urls.http).place();
  await assertTopicHoldsAll({ databaseUrl: adminUrl, brokers, topic });

  const advice = own(`GRANT EXECUTE ON FUNCTION ${JANITOR_FUNCTIONS} TO orders_relay`);
  await eventually(async () => {
    const page = await textOf(`${relay.urls.admin}/status`);
    assert.ok(page.includes(advice));
    const { code, stdout } = await runOutboxctl(env.relay, 'status');
    assert.equal(code, 1);
    assert.ok(stdout.includes(advice), stdout);
  });
  const told = relay.logs().filter((line) => /GRANT|permission denied/.test(JSON.stringify(line)));
  assert.deepEqual(
    told.map((line) => line['finding']),
    ['janitor-refused'],
  );
});

test('what is missing is named by the API and by the relay, which goes on by itself when it is granted', async (t) => {
  const { admin, url, own } = await install(t);
  const { brokers, topic } = await createTestTopic(t);
  await admin.query(own('REVOKE INSERT ON outbox FROM orders_api'));
  await admin.query(own('REVOKE UPDATE ON relay_partition, replay_partition FROM orders_relay'));
  await admin.query(own(`REVOKE EXECUTE ON FUNCTION ${JANITOR_FUNCTIONS} FROM orders_relay`));
  const api = await startApp(t, 'api', appEnv({ databaseUrl: url.api, brokers, topic }).api);
  const ready = await fetch(`${api.urls.admin}/readyz?verbose`);
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /database rights/);
  assert.ok(api.logs().some((line) => /INSERT on outbox/.test(String(line['msg']))));

  const relay = await startApp(t, 'relay', appEnv({ databaseUrl: url.relay, brokers, topic }).relay);
  await eventually(async () => {
    const page = await textOf(`${relay.urls.admin}/status`);
    assert.match(page, /UPDATE on relay_partition/);
    assert.equal((await fetch(`${relay.urls.admin}/readyz`)).ok, false);
  });
  await admin.query(own('GRANT UPDATE ON relay_partition TO orders_relay'));
  await eventually(async () => {
    const page = await textOf(`${relay.urls.admin}/status`);
    assert.doesNotMatch(page, /UPDATE on relay_partition/);
    assert.match(page, /UPDATE on replay_partition/, 'publishing goes on without it');
    assert.ok((await fetch(`${relay.urls.admin}/readyz`)).ok);
  });
  await admin.query(own('GRANT INSERT ON outbox TO orders_api'));
  await eventually(async () => assert.ok((await fetch(`${api.urls.admin}/readyz`)).ok));
});

/** What a role must not do, were its password stolen: each statement is refused for want of a right. */
const REFUSED: Readonly<Record<Exclude<Role, 'owner'>, readonly string[]>> = {
  api: [
    'SELECT FROM outbox',
    'DELETE FROM outbox',
    'UPDATE outbox SET payload = payload',
    'DELETE FROM orders',
    'TRUNCATE orders',
    'SELECT FROM relay_partition',
    `UPDATE relay_partition SET mode = 'paused'`,
    'SELECT FROM parked_event',
    `SELECT setval('outbox_seq', 1)`,
    `SELECT outbox_drop_day_table('outbox_20010101')`,
    'SELECT FROM dropped_events',
    `UPDATE dropped_events SET xid = '0'`,
    `SELECT outbox_note_dropped('outbox_default')`,
  ],
  relay: [
    'SELECT FROM orders',
    'UPDATE orders SET customer_id = customer_id',
    'SELECT FROM idempotency_keys',
    'INSERT INTO outbox SELECT * FROM outbox',
    'UPDATE outbox SET payload = payload',
    'DELETE FROM outbox',
    'TRUNCATE outbox',
    'DROP TABLE outbox_20010101',
    'DELETE FROM relay_partition',
    'DELETE FROM replay_request',
    `UPDATE dropped_events SET xid = '0'`,
    `SELECT outbox_note_dropped('outbox_default')`,
    'SET ROLE orders_owner',
  ],
  operator: [
    'SELECT FROM orders',
    'SELECT FROM idempotency_keys',
    'DELETE FROM outbox',
    'DROP TABLE outbox',
    'DELETE FROM discarded_event',
  ],
  reader: [
    'SELECT FROM orders',
    'INSERT INTO outbox SELECT * FROM outbox',
    `UPDATE relay_partition SET mode = 'paused'`,
    'DELETE FROM parked_event',
    'INSERT INTO replay_request DEFAULT VALUES',
    `SELECT outbox_empty_default(now())`,
  ],
};

test('what a role has no business with is refused', async (t) => {
  const { admin, url, own } = await install(t);
  await admin.query(
    own(`CREATE TABLE outbox_20010101 PARTITION OF outbox FOR VALUES FROM ('2001-01-01') TO ('2001-01-02');
         ALTER TABLE outbox_20010101 OWNER TO orders_owner`),
  );
  const everybody = [
    'CREATE TABLE mine ()',
    'ALTER TABLE orders ADD COLUMN mine int',
    'CREATE ROLE mine',
    'SELECT FROM pg_authid',
  ];
  for (const role of ['api', 'relay', 'operator', 'reader'] as const) {
    const client = new pg.Client({ connectionString: url[role] });
    await client.connect();
    t.after(() => client.end());
    for (const statement of [...REFUSED[role], ...everybody]) {
      await client.query('BEGIN');
      await assert.rejects(client.query(own(statement)), { code: '42501' }, `${role}: ${statement}`);
      await client.query('ROLLBACK');
    }
  }
});

test('the functions of the janitor drop nothing that is not published, whatever the relay puts before their tables', async (t) => {
  const { admin, url, own } = await install(t);
  await admin.query(
    own(`CREATE TABLE outbox_20010101 PARTITION OF outbox FOR VALUES FROM ('2001-01-01') TO ('2001-01-02');
         ALTER TABLE outbox_20010101 OWNER TO orders_owner`),
  );
  await admin.query(
    `INSERT INTO outbox (event_id, key, key_hash, event_type, headers, payload, created_at)
     VALUES (gen_random_uuid(), 'k', 1, 'order.placed', '{}', '{}', '2001-01-01 12:00Z')`,
  );
  const client = new pg.Client({ connectionString: url.relay });
  await client.connect();
  t.after(() => client.end());
  // A table of the session's own comes before all others, unless a function says where it looks.
  await client.query('CREATE TEMP TABLE relay_partition (cursor pg_snapshot)');
  await client.query(
    `INSERT INTO pg_temp.relay_partition VALUES ('9000000000000000000:9000000000000000000:')`,
  );
  const answer = async (call: string) =>
    (await client.query<{ answer: string }>(`SELECT ${call} AS answer`)).rows[0]?.answer;
  assert.equal(await answer(`outbox_drop_day_table('outbox_20010101')`), 'not published');
  assert.equal(await answer(`outbox_drop_day_table('outbox_default')`), 'nothing');
  assert.equal(await answer(`outbox_drop_day_table('orders')`), 'nothing');
  await assert.rejects(
    client.query(`SELECT outbox_create_day_table('orders_2', now(), now())`),
    /no name of a day table/,
  );
});
