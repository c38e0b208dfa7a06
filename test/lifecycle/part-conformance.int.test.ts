import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { accessSettings, createAccess } from '@order-events/access';
import { migrateToLatest } from '@order-events/database';
import { createLogger, type Part, withDeadline } from '@order-events/runtime';
import { z } from 'zod';
import { createApiApp } from '../../apps/api/src/app.ts';
import { apiConfig } from '../../apps/api/src/config.ts';
import { createRelayApp } from '../../apps/relay/src/app.ts';
import { relayConfig } from '../../apps/relay/src/config.ts';
import { createGatewayApp } from '../../apps/stream-gateway/src/app.ts';
import { gatewayConfig } from '../../apps/stream-gateway/src/config.ts';
import { createTestDatabase, createTestTopic, eventually } from '../harness/index.ts';

/** What `Part` promises of stopping, as an order of calls; each runs on a part of its own. */
const HISTORIES: Readonly<Record<string, (part: Part) => Promise<unknown>>> = {
  'stopped before its start': async (part) => {
    await part.stop();
    await part.start(NEVER);
  },
  'stopped twice': async (part) => {
    await part.start(NEVER);
    await Promise.all([part.stop(), part.stop()]);
    await part.stop();
  },
  'stopped during its start': async (part) => {
    const started = part.start(NEVER);
    await Promise.all([part.stop(), started]);
  },
  'stopped during its start, a moment later': async (part) => {
    const started = part.start(NEVER);
    await new Promise(setImmediate);
    await Promise.all([part.stop(), started]);
  },
  'told to end while it starts': async (part) => {
    const ending = new AbortController();
    const started = part.start(ending.signal);
    ending.abort();
    await started;
    await part.stop();
  },
};
const NEVER = new AbortController().signal;
/** Of one history; what a part has to wait for when it stops has shorter ones. */
const DEADLINE_MS = 30_000;

type Environment = Readonly<Record<string, string>>;

const log = createLogger({ service: 'test', level: 'silent' });
const APPS: Readonly<Record<string, (env: Environment) => Part[]>> = {
  api: (env) => createApiApp(apiConfig({ ...env, API_PORT: '0', API_ADMIN_PORT: '0' }).config, log),
  relay: (env) =>
    createRelayApp(
      relayConfig({ ...env, RELAY_ADMIN_PORT: '0', RELAY_CANARY_INTERVAL_MS: '1000' }).config,
      log,
    ),
  access: () => {
    const access = createAccess(z.object(accessSettings).parse(ISSUER_AWAY), log);
    assert.ok(access);
    return [access];
  },
  'stream-gateway': (env) =>
    createGatewayApp(
      gatewayConfig({
        ...env,
        ...{
          GATEWAY_PORT: '0',
          GATEWAY_WEB_PORT: '0',
          GATEWAY_ADMIN_PORT: '0',
          GATEWAY_ADMIN_GRPC_PORT: '0',
        },
      }).config,
      log,
    ),
};

const ISSUER_AWAY: Environment = {
  ACCESS_CONTROL: 'jwt',
  ACCESS_ISSUER: 'https://issuer.test',
  ACCESS_AUDIENCE: 'order-events',
  ACCESS_JWKS_URL: 'http://127.0.0.1:1/jwks.json',
};
const AWAY: Environment = {
  DATABASE_URL: 'postgres://orders:orders@127.0.0.1:1/orders',
  KAFKA_BROKERS: '127.0.0.1:1',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
};

async function serversThatAreThere(t: TestContext): Promise<Environment> {
  const { url } = await createTestDatabase(t);
  await migrateToLatest(url);
  const { brokers, topic } = await createTestTopic(t);
  return { DATABASE_URL: url, KAFKA_BROKERS: brokers.join(), KAFKA_TOPIC: topic };
}

/** Sockets, servers and timers that keep a process from ending, by kind. */
function openResources(): Map<string, number> {
  const kinds = process.getActiveResourcesInfo().filter((kind) => /TCP|Pipe|Timeout|Immediate/.test(kind));
  return new Map([...Map.groupBy(kinds, (kind) => kind)].map(([kind, all]) => [kind, all.length]));
}

/** That the history of one part settles, and that nothing is open any more once the others are stopped, whose connections it uses. */
async function conforms(
  create: () => readonly Part[],
  name: string,
  history: (part: Part) => Promise<unknown>,
): Promise<void> {
  // Both times from within `eventually`, which has timers of its own.
  const before = await eventually(openResources);
  const parts = create();
  const part = parts.find((one) => one.name === name);
  assert.ok(part);
  await withDeadline(history(part), DEADLINE_MS, 'it has not settled');
  for (const other of parts.toReversed()) await other.stop();
  await eventually(() => {
    const left = [...openResources()].filter(([kind, count]) => count > (before.get(kind) ?? 0));
    assert.deepEqual(left, []);
  });
}

for (const [app, create] of Object.entries(APPS)) {
  for (const servers of ['away', 'there']) {
    test(`every part of the ${app} keeps what Part promises, with its servers ${servers}`, async (t) => {
      const env = servers === 'away' ? AWAY : await serversThatAreThere(t);
      const names = create(env).map(({ name }) => name);
      assert.equal(new Set(names).size, names.length, 'a name for each part');
      for (const name of names) {
        for (const [what, history] of Object.entries(HISTORIES)) {
          await t.test(`${name}: ${what}`, () => conforms(() => create(env), name, history));
        }
      }
    });
  }
}
