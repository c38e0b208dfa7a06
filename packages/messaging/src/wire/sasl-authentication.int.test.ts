import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { startKafka } from '../../../../test/harness/index.ts';
import { ensureTopic } from '../topic/ensure-topic.ts';
import { createKafkaPublisher } from '../publish/kafka-publisher.ts';
import { createLogReader } from '../read/log-reader.ts';

async function findFreePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(address && typeof address === 'object');
  return address.port;
}

test('a broker that asks for a password gets it, and a wrong one is told', async (t) => {
  const [port, innerPort, controllerPort] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ];
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_relay="secret";';
  await startKafka(t, {
    port: innerPort,
    settings: {
      listeners: `PLAINTEXT://127.0.0.1:${innerPort},CONTROLLER://127.0.0.1:${controllerPort},CLIENT://127.0.0.1:${port}`,
      'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,CLIENT:SASL_PLAINTEXT',
      'listener.name.client.sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.client.plain.sasl.jaas.config': login,
    },
  });
  const brokers = [`127.0.0.1:${port}`];
  const config = {
    brokers,
    clientId: 'test',
    topic: 'secured',
    sasl: { mechanism: 'plain', username: 'relay', password: 'secret' },
  } as const;
  await ensureTopic({ ...config }, { topic: 'secured', partitions: 1, replicationFactor: 1 });
  const publisher = createKafkaPublisher({ ...config, transactionalIdPrefix: 'test' });
  t.after(() => publisher.close());
  await publisher.claim(0, 0n, AbortSignal.timeout(20_000));
  const event = { eventId: '1', key: 'k', partition: 0, value: '{}', headers: { ce_id: '1' } };
  const [outcome] = await publisher.publish([event], AbortSignal.timeout(20_000));
  assert.equal(outcome?.kind, 'published');

  const stranger = createLogReader({ ...config, sasl: { ...config.sasl, password: 'guess' } });
  t.after(() => stranger.close());
  await assert.rejects(stranger.describe(), /SASL PLAIN authentication failed/);
});
