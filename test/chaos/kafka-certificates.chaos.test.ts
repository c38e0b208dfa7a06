import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { ensureTopic } from '@order-events/messaging';
import { createOrderClient } from '../../apps/api/testing/order-client.ts';
import { runOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import type { AppProcess } from '../../tools/stack/index.ts';
import { createAuthority, createPairFiles } from '../harness/certificates.ts';
import { createTestDatabase, eventually, startApp, startKafka } from '../harness/index.ts';
import { startWatch } from '../harness/load.ts';
import { appEnv } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const TOPIC = 'orders.events';
const ADVICE =
  /the broker wants a certificate that it trusts: check KAFKA_TLS_CERTIFICATE_FILE and KAFKA_TLS_KEY_FILE/;

/** A broker that speaks to nobody but those who have a certificate of the authority, with what its clients are told. */
async function startDemandingKafka(t: TestContext) {
  const authority = await createAuthority(t);
  const kafka = await startKafka(t, { securedFor: { clientsOf: authority.caFile } });
  assert.ok(kafka.secured);
  const { brokers, caFile } = kafka.secured;
  await ensureTopic(
    { brokers: kafka.brokers, clientId: 'test' },
    { topic: TOPIC, partitions: 12, replicationFactor: 1 },
  );
  const trusting = { KAFKA_TLS: 'true', KAFKA_TLS_CA_FILE: caFile };
  const withPair = async (issuer: typeof authority, name: string) => {
    const { certificateFile, keyFile } = await createPairFiles(t, await issuer.issue(name));
    return {
      ...trusting,
      KAFKA_TLS_CERTIFICATE_FILE: certificateFile,
      KAFKA_TLS_KEY_FILE: keyFile,
    };
  };
  return { openBrokers: kafka.brokers, brokers, authority, trusting, withPair };
}

test('with client certificates from files everybody works with a Kafka that demands them; without, and with others, the message names the settings', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const kafka = await startDemandingKafka(t);
  const stranger = await createAuthority(t, 'another authority');
  const envWith = (env: Record<string, string>) =>
    appEnv({ databaseUrl, brokers: kafka.brokers, topic: TOPIC, env });

  const refused = [kafka.trusting, await kafka.withPair(stranger, 'stranger')].map(envWith);

  for (const env of refused) {
    const apps = [
      await startApp(t, 'relay', env.relay),
      await startApp(t, 'stream-gateway', env['stream-gateway']),
    ];
    for (const app of apps) {
      await eventually(() => assert.match(logOf(app), ADVICE));
      app.kill('SIGKILL');
      await app.exited;
    }
  }

  const env = envWith(await kafka.withPair(kafka.authority, 'orders'));
  const api = await startApp(t, 'api', env.api);
  const relay = await startApp(t, 'relay', env.relay);
  const gateway = await startApp(t, 'stream-gateway', env['stream-gateway']);
  const delivered: string[] = [];
  const watch = startWatch(t, {
    address: () => gateway.urls.grpc,
    onEvent: ({ orderId }) => void delivered.push(orderId),
  });
  await watch.started;
  const { place, move } = createOrderClient(api.urls.http);
  const orderId = await place();
  await move(orderId, 'confirmed');
  await eventually(() => assert.deepEqual(delivered, [orderId, orderId]));
  assert.equal(await assertTopicHoldsAll({ databaseUrl, brokers: kafka.openBrokers, topic: TOPIC }), 2);
  const verified = await runOutboxctl(env.relay, 'verify');
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  for (const app of [relay, gateway]) assert.doesNotMatch(logOf(app), ADVICE);
  for (const { relay: operatorEnv } of refused) {
    const { code, stderr } = await runOutboxctl(operatorEnv, 'verify');
    assert.equal(code, 1);
    assert.match(stderr, ADVICE);
  }
});

function logOf(app: AppProcess): string {
  return app
    .logs()
    .map((line) => JSON.stringify(line))
    .join('\n');
}
