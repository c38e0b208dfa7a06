import assert from 'node:assert/strict';
import test from 'node:test';
import kafkajs from 'kafkajs';
import { createTestTopic, eventually, startKafka } from '../../test/harness/index.ts';
import { askBroker } from './kafka-probe.ts';
import { runKafkaTool } from './kafka-java.ts';

const ORDER_ID = '0199b8a0-0000-7000-8000-000000000001';

test('a broker that was stopped or killed comes back on its port with its records', async (t) => {
  const kafka = await startKafka(t);
  await runTopicsTool(kafka.brokers, '--create', '--topic', 'kept', '--partitions', '3');
  const firstPid = kafka.pid;

  await kafka.stop();
  assert.equal(kafka.pid, undefined);
  await assert.rejects(askBroker(kafka.port), { code: 'ECONNREFUSED' });
  await kafka.start();
  assert.notEqual(kafka.pid, firstPid);
  assert.match(await runTopicsTool(kafka.brokers, '--list'), /^kept$/m);

  await kafka.kill();
  await kafka.start();
  assert.match(await runTopicsTool(kafka.brokers, '--describe', '--topic', 'kept'), /PartitionCount: 3/);
});

test('a frozen broker keeps its port but does not answer before it is thawed', async (t) => {
  const kafka = await startKafka(t);

  kafka.freeze();
  await assert.rejects(askBroker(kafka.port), { name: 'AbortError' });
  kafka.thaw();

  await eventually(() => askBroker(kafka.port));
});

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

async function runTopicsTool(brokers: string[], ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runKafkaTool('org.apache.kafka.tools.TopicCommand', [
    ...['--bootstrap-server', brokers.join(',')],
    ...args,
  ]);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}
