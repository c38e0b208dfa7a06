import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import pg from 'pg';
import { createOrderClient } from '../../apps/api/testing/order-client.ts';
import { COMPILE_CACHE } from '../../tools/stack/app-process.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { appEnv } from '../harness/order-apps.ts';
import { TEST_HEADERS } from '../harness/test-access.ts';

/** Stands in every secret; whatever shows it, or a part of its URL, has told a secret. */
const CANARY = 'canary-5f1e';
const WEBHOOK = `http://127.0.0.1:1/hooks/${CANARY}`;
const REPOSITORY = join(import.meta.dirname, '..', '..');

const MAINS = {
  api: 'apps/api/src/main.ts',
  relay: 'apps/relay/src/main.ts',
  gateway: 'apps/stream-gateway/src/main.ts',
  topics: 'apps/topics/src/main.ts',
  migrate: 'packages/database/src/migrate-main.ts',
  outboxctl: 'apps/outboxctl/src/main.ts',
  notifications: 'examples/notifications/src/main.ts',
  warehouse: 'examples/warehouse/src/main.ts',
} as const;
type Program = keyof typeof MAINS;

const database = (rest: string) => `postgres://${CANARY}:${CANARY}@127.0.0.1:1/${rest}`;
const LOGIN = { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'a', KAFKA_SASL_PASSWORD: CANARY };

/** Starts that fail, by what is wrong; each of the programs that it concerns must say so, without the canary. */
const FAILING: readonly {
  readonly what: string;
  readonly programs: readonly Program[];
  readonly env: Readonly<Record<string, string>>;
  readonly code: number;
}[] = [
  ...[
    { what: 'a URL of another database', url: `mysql://${CANARY}:${CANARY}@db/a` },
    { what: 'a URL without a form', url: `${CANARY}:${CANARY}@db` },
    { what: 'options that are none', url: database(`a?options=${encodeURIComponent('-x')}`) },
    { what: 'a password that is no text', url: `postgres://a:${CANARY}%ff@127.0.0.1:1/a` },
    {
      what: 'certificates that are not there',
      url: database('a?sslmode=verify-full&sslrootcert=/no/ca.pem'),
    },
  ].map(({ what, url }) => ({
    what,
    programs: ['api', 'relay', 'migrate', 'outboxctl'] as const,
    env: { DATABASE_URL: url },
    code: 78,
  })),
  {
    what: 'another setting that is wrong',
    programs: ['api', 'relay', 'outboxctl'],
    env: { DATABASE_URL: database('a'), NODE_ENV: CANARY.slice(0, 3) },
    code: 78,
  },
  {
    what: 'half a login',
    programs: ['relay', 'gateway', 'topics', 'outboxctl'],
    env: { KAFKA_SASL_PASSWORD: CANARY },
    code: 78,
  },
  {
    what: 'a login that production refuses',
    programs: ['relay', 'gateway', 'topics', 'outboxctl'],
    env: { ...LOGIN, NODE_ENV: 'production', KAFKA_BROKERS: 'kafka:9092', DATABASE_URL: database('a') },
    code: 78,
  },
  {
    what: 'a database that is away',
    programs: ['migrate', 'outboxctl'],
    env: { DATABASE_URL: database('a'), MIGRATE_WAIT_MS: '1' },
    code: 1,
  },
  {
    what: 'brokers that are away',
    programs: ['topics'],
    env: { ...LOGIN, KAFKA_BROKERS: '127.0.0.1:1', KAFKA_TOPIC_WAIT_MS: '500' },
    code: 1,
  },
  {
    what: 'a webhook with a login',
    programs: ['notifications'],
    env: { NOTIFICATIONS_WEBHOOK_URL: `http://a:${CANARY}@127.0.0.1/` },
    code: 78,
  },
  {
    what: 'an API with a login',
    programs: ['warehouse'],
    env: { WAREHOUSE_API_URL: `http://a:${CANARY}@127.0.0.1/` },
    code: 78,
  },
];

test('no failing start tells a secret, and each says what is wrong', async () => {
  const starts = FAILING.flatMap(({ programs, ...rest }) =>
    programs.map((program) => ({ program, ...rest })),
  );
  // A few at a time: each is a process.
  const next = starts.values();
  const work = async () => {
    for (const { program, what, env, code } of next) {
      const ended = await run(program, env);
      assert.equal(
        ended.code,
        program === 'outboxctl' && code === 78 ? 2 : code,
        `${program}, ${what}: ${ended.output}`,
      );
      assert.ok(ended.output.length > 0);
      assertSilent(ended.output, `${program}, ${what}`);
    }
  };
  await Promise.all([work(), work(), work(), work()]);
});

test('no refusal of database or Kafka, and no page, tells a secret; all of them may stand in files', async (t) => {
  const { url } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const refused = new URL(url);
  Object.assign(refused, { username: 'nobody', password: CANARY });
  const env = appEnv({ databaseUrl: '', brokers, topic });
  const files = await secretFiles(t, {
    DATABASE_URL: withPassword(url),
    DATABASE_DIRECT_URL: refused.href,
    KAFKA_SASL_PASSWORD: CANARY,
    NOTIFICATIONS_WEBHOOK_URL: WEBHOOK,
  });
  const login = {
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: 'a',
    KAFKA_SASL_PASSWORD_FILE: files.KAFKA_SASL_PASSWORD,
  };
  const fromFile = {
    DATABASE_URL_FILE: files.DATABASE_URL,
    DATABASE_DIRECT_URL_FILE: files.DATABASE_DIRECT_URL,
    LOG_LEVEL: 'debug',
  };
  const apps = await Promise.all([
    startApp(t, 'api', fromFile),
    startApp(t, 'relay', { ...env.relay, ...fromFile, ...login, DATABASE_URL: '' }),
    startApp(t, 'stream-gateway', { ...env['stream-gateway'], ...login, LOG_LEVEL: 'debug' }),
    startApp(t, 'notifications', {
      NOTIFICATIONS_GATEWAY: '127.0.0.1:1',
      NOTIFICATIONS_WEBHOOK_URL_FILE: files.NOTIFICATIONS_WEBHOOK_URL,
    }),
  ]);
  const [api, relay, gateway] = apps;
  await createOrderClient(api.urls.http).place();
  await eventually(() => assert.match(JSON.stringify(api.logs()), /nobody/));
  await eventually(() => assert.match(JSON.stringify(relay.logs()), /KAFKA_SASL/));
  await eventually(() => assert.match(JSON.stringify(gateway.logs()), /KAFKA_SASL/));
  for (const { urls } of [api, relay, gateway]) {
    const config = await (await fetch(`${urls.admin}/config`, { headers: TEST_HEADERS })).text();
    assert.match(config, /\*\*\* \(file\)/);
    for (const page of ['/config', '/metrics', '/status', '/readyz?verbose', '/']) {
      assertSilent(await (await fetch(urls.admin + page, { headers: TEST_HEADERS })).text(), page);
    }
  }
  for (const app of apps) assertSilent(JSON.stringify(app.logs()), 'a log');
});

test('an error of the database tells no row in a log', async (t) => {
  const { url } = await createTestDatabase(t);
  const api = await startApp(t, 'api', { DATABASE_URL: url });
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  t.after(() => admin.end());
  await admin.query(`ALTER TABLE orders ADD CHECK (customer_id <> '${CANARY}')`);
  const answer = await fetch(`${api.urls.http}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...TEST_HEADERS },
    body: JSON.stringify({
      customer_id: CANARY,
      currency: 'EUR',
      items: [{ sku: 'tea', quantity: 1, unit_price_minor: 1 }],
    }),
  });
  assert.equal(answer.status, 500);
  assertSilent(await answer.text(), 'the answer');
  await eventually(() => assert.match(JSON.stringify(api.logs()), /violates check constraint/));
  assertSilent(JSON.stringify(api.logs()), 'the log');
});

function assertSilent(output: string, where: string): void {
  assert.ok(!output.includes(CANARY), `${where} tells a secret: ${output}`);
}

function withPassword(url: string): string {
  return Object.assign(new URL(url), { password: CANARY }).href;
}

async function run(
  program: Program,
  env: Readonly<Record<string, string>>,
): Promise<{ code: unknown; output: string }> {
  const args = [join(REPOSITORY, MAINS[program]), ...(program === 'outboxctl' ? ['status'] : [])];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      args,
      { cwd: REPOSITORY, env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...env }, timeout: 300_000 },
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, output: stdout + stderr }),
    );
  });
}

async function secretFiles<Name extends string>(
  t: TestContext,
  secrets: Readonly<Record<Name, string>>,
): Promise<Record<Name, string>> {
  const directory = await mkdtemp(join(tmpdir(), 'secrets-'));
  t.after(() => rm(directory, { recursive: true }));
  const entries = Object.entries<string>(secrets).map(async ([name, value]) => {
    await writeFile(join(directory, name), `${value}\n`);
    return [name, join(directory, name)] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<Name, string>;
}
