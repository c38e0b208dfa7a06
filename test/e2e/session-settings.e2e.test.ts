import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { migrateToLatest } from '@order-events/database';
import pg from 'pg';
import { runOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import { createOrderClient, ORDER } from '../../apps/api/testing/order-client.ts';
import { startEmbeddedPgbouncer } from '../../tools/stack/index.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { startLoad } from '../harness/load.ts';
import { appEnv } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

/** Settings that a database can carry, several at once where they do not undo each other. */
const HOSTILE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'German dates, serializable': {
    datestyle: 'German',
    intervalstyle: 'sql_standard',
    timezone: 'America/St_Johns',
    extra_float_digits: '-15',
    default_transaction_isolation: 'serializable',
    default_transaction_deferrable: 'on',
    array_nulls: 'off',
    standard_conforming_strings: 'off',
    bytea_output: 'escape',
    row_security: 'off',
    client_encoding: 'LATIN1',
  },
  'SQL, DMY, repeatable read, no time for anything': {
    datestyle: 'SQL, DMY',
    intervalstyle: 'iso_8601',
    timezone: 'Asia/Kathmandu',
    default_transaction_isolation: 'repeatable read',
    statement_timeout: '100ms',
    lock_timeout: '1ms',
    idle_in_transaction_session_timeout: '20ms',
    idle_session_timeout: '300ms',
    lc_messages: 'C',
    session_replication_role: 'replica',
    client_min_messages: 'error',
  },
  'Postgres, DMY, plans as bad as can be': {
    datestyle: 'Postgres, DMY',
    intervalstyle: 'postgres_verbose',
    timezone: 'Europe/Amsterdam',
    // An operator's bound, which holds; a busy machine must not meet it.
    transaction_timeout: '10min',
    synchronous_commit: 'off',
    plan_cache_mode: 'force_custom_plan',
    enable_indexscan: 'off',
    enable_indexonlyscan: 'off',
    enable_nestloop: 'off',
    enable_partition_pruning: 'off',
    search_path: 'pg_catalog, public',
  },
};

for (const [name, settings] of Object.entries(HOSTILE)) {
  test(`${name}: orders, relay, janitor and replay do not notice what the database sets`, (t) =>
    useEverything(t, { settings }));
  test(`${name}, behind PgBouncer`, (t) =>
    useEverything(t, { settings: withoutSessionEnds(settings), throughPooler: true }));
}

for (const throughPooler of [false, true]) {
  test(`a schema that the URL names is used for everything${throughPooler ? ', behind PgBouncer' : ''}`, (t) =>
    useEverything(t, { schema: 'shop', throughPooler }));
}

/**
 * What a database ends of a pooler's own sessions is for the pooler to prevent, and a transaction that has failed is back at these
 * limits until it is rolled back: a busy machine would meet them. What happens then is in the pool's own tests.
 */
function withoutSessionEnds(settings: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !name.startsWith('idle_')));
}

interface Circumstances {
  /** Of the database. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Beside `public`, where another installation is. */
  readonly schema?: string;
  readonly throughPooler?: boolean;
}

async function useEverything(t: TestContext, circumstances: Circumstances): Promise<void> {
  const { settings = {}, schema = 'public', throughPooler = false } = circumstances;
  const { url: plainUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const inSchema = (url: string) =>
    schema === 'public' ? url : `${url}?options=-c%20search_path%3D${schema}`;
  const databaseUrl = inSchema(plainUrl);
  await prepare(plainUrl, databaseUrl, { settings, schema });
  const env = appEnv({
    databaseUrl: inSchema(await entryOf(t, plainUrl, throughPooler)),
    brokers,
    topic,
    env: throughPooler ? { DATABASE_DIRECT_URL: databaseUrl } : {},
  });
  const api = await startApp(t, 'api', env.api);
  const relay = await startApp(t, 'relay', env.relay);
  const client = createOrderClient(api.urls.http);

  const orderId = await client.place();
  await client.move(orderId, 'confirmed', 'processing');
  const key = { 'idempotency-key': randomUUID() };
  const created = await client.send('POST', '/orders', ORDER, key);
  assert.deepEqual((await client.send('POST', '/orders', ORDER, key)).body, created.body);
  const listed = await client.send('GET', '/orders');
  const found = await client.send('GET', `/orders/${orderId}`);
  assert.equal(found.status, 200);
  assert.deepEqual(listed.body['orders'], [created.body, found.body]);
  assert.match(String(found.body['created_at']), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

  // More at once than there are connections, changing the same orders.
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 24, changesPerSecond: 200 });
  await eventually(() => assert.ok(load.accepted.length > 120));
  await load.stop();
  assert.deepEqual(load.failures, []);
  await assertTopicHoldsAll({ databaseUrl, brokers, topic });

  // What is published again, and the partition of 2001.
  const replay = await runOutboxctl(
    env.relay,
    'replay',
    '--since',
    '1h',
    '--yes',
    '--json',
    '--timeout',
    '60s',
  );
  assert.equal(replay.code, 0, replay.stderr);
  const status = await runOutboxctl(env.relay, 'status', '--json');
  assert.equal(status.code, 0, status.stdout + status.stderr);
  await eventually(async () => {
    const names = await datedPartitions(plainUrl, schema);
    assert.ok(names.length >= 3 && !names.includes('outbox_20010101'), names.join());
  });
  for (const app of [api, relay]) {
    const refusals = app
      .logs()
      .filter(({ err }) => typeof err === 'object' && err !== null && 'severity' in err);
    assert.deepEqual(refusals, [], 'nothing that Postgres refused');
  }
  if (schema !== 'public') {
    assert.deepEqual(await datedPartitions(plainUrl, 'public'), []);
    assert.deepEqual(
      await asAdministrator(plainUrl, (one) => one.query('TABLE orders').then(({ rows }) => rows)),
      [],
    );
  }
}

/** What the database sets, and a partition of the outbox that is long past. */
async function prepare(
  url: string,
  urlInSchema: string,
  { settings, schema }: Required<Omit<Circumstances, 'throughPooler'>>,
): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  await asAdministrator(url, async (client) => {
    for (const [setting, value] of Object.entries(settings)) {
      // Of a list each name is a value of its own.
      const list = setting === 'search_path' ? value : `'${value}'`;
      await client.query(`ALTER DATABASE "${name}" SET ${setting} = ${list}`);
    }
    if (schema !== 'public') await client.query(`CREATE SCHEMA ${schema}`);
  });
  await migrateToLatest(urlInSchema);
  await asAdministrator(url, (client) =>
    client.query(
      `CREATE TABLE ${schema}.outbox_20010101 PARTITION OF ${schema}.outbox FOR VALUES FROM ('2001-01-01') TO ('2001-01-02')`,
    ),
  );
}

function datedPartitions(url: string, schema: string): Promise<string[]> {
  return asAdministrator(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relispartition AND relkind = 'r' AND relnamespace = $1::regnamespace
         AND relname ~ '^outbox_[0-9]{8}$'`,
      [schema],
    );
    return rows.map((row) => row.name);
  });
}

async function entryOf(t: TestContext, databaseUrl: string, throughPooler: boolean): Promise<string> {
  if (!throughPooler) return databaseUrl;
  const pgbouncer = await startEmbeddedPgbouncer(databaseUrl, { serverConnections: 6 });
  t.after(() => pgbouncer.stop());
  return pgbouncer.url;
}

async function asAdministrator<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    options: '-c idle_session_timeout=0 -c search_path=public',
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
