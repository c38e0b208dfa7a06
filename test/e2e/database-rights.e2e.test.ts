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
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const RIGHTS = new URL('../../ops/postgres/rights.sql', import.meta.url);
const ROLES = ['owner', 'api', 'relay', 'operator', 'reader'] as const;
type Role = (typeof ROLES)[number];

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

const textOf = async (url: string) => await (await fetch(url)).text();

test('each process does all its work with the rights of the file', async (t) => {
  const { admin, adminUrl, url, own } = await install(t);
  const { brokers, topic } = await createTestTopic(t);
  const env = (role: Role) => appEnv({ databaseUrl: url[role], brokers, topic });
  await admin.query(
    own(`CREATE TABLE outbox_20010101 PARTITION OF outbox FOR VALUES FROM ('2001-01-01') TO ('2001-01-02')`),
  );
  await admin.query(own('ALTER TABLE outbox_20010101 OWNER TO orders_relay'));
  const api = await startApp(t, 'api', env('api').api);
  const relay = await startApp(t, 'relay', env('relay').relay);
  const client = createOrderClient(api.urls.http);
  const orderIds = await Promise.all(Array.from({ length: 10 }, () => client.place()));
  for (const orderId of orderIds) await client.move(orderId, 'confirmed');
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

test('a relay without ownership publishes, and says once that the outbox grows', async (t) => {
  const { admin, adminUrl, url, own } = await install(t);
  const { brokers, topic } = await createTestTopic(t);
  await admin.query(own('REVOKE orders_owner FROM orders_relay'));
  const env = appEnv({ databaseUrl: url.relay, brokers, topic });
  const api = await startApp(t, 'api', appEnv({ databaseUrl: url.api, brokers, topic }).api);
  const relay = await startApp(t, 'relay', env.relay);
  await createOrderClient(api.urls.http).place();
  await assertTopicHoldsAll({ databaseUrl: adminUrl, brokers, topic });

  const advice = own('GRANT orders_owner TO orders_relay');
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
  await admin.query(own('REVOKE orders_owner FROM orders_relay'));
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
