import assert from 'node:assert/strict';
import test from 'node:test';
import { eventually, startKafka } from '../../test/harness/index.ts';
import { askBroker } from './kafka-probe.ts';
import { runKafkaTool } from './kafka-java.ts';

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

async function runTopicsTool(brokers: string[], ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runKafkaTool('org.apache.kafka.tools.TopicCommand', [
    ...['--bootstrap-server', brokers.join(',')],
    ...args,
  ]);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}
