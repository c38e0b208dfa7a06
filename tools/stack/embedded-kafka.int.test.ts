import assert from 'node:assert/strict';
import test from 'node:test';
import kafkajs from 'kafkajs';
import { createTestTopic } from '../../test/harness/index.ts';
import { runKafkaTool } from './kafka-java.ts';

const ORDER_ID = '0199b8a0-0000-7000-8000-000000000001';

test('a topic is made by those who need it, not by a typing error', async (t) => {
  const { brokers } = await createTestTopic(t);
  const client = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 0 } });
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  t.after(() => producer.disconnect());
  await assert.rejects(producer.send({ topic: 'mistyped', messages: [{ value: 'x' }] }));
});

test("Kafka's console consumer prints key and value of the records", async (t) => {
  const { brokers, topic } = await createTestTopic(t);
  const producer = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  t.after(() => producer.disconnect());
  await producer.send({ topic, messages: [{ key: ORDER_ID, value: '{"status":"pending"}' }] });

  const { exitCode, stdout } = await runKafkaTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    ...['--bootstrap-server', brokers.join(','), '--topic', topic],
    ...['--from-beginning', '--max-messages', '1', '--formatter-property', 'print.key=true'],
  ]);

  assert.equal(exitCode, 0);
  assert.equal(stdout, `${ORDER_ID}\t{"status":"pending"}\n`);
});

test("a tool of Kafka's that takes too long is ended, and said to be", async () => {
  await assert.rejects(
    runKafkaTool('kafka.tools.StorageTool', ['random-uuid'], { deadlineMs: 1 }),
    /kafka\.tools\.StorageTool was ended by SIGTERM; it had 0\.001 s/,
  );
});
