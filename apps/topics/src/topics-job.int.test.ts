import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTestTopic } from '../../../test/harness/index.ts';
import { withKafkaAdmin } from '../../../test/harness/kafka-admin.ts';
import { topicSettings } from '../../../test/harness/topic-settings.ts';
import { findFreePort } from '../../../tools/stack/index.ts';

/** The one-shot job as it is run: a process of its own. */
function runJob(env: Record<string, string>): Promise<{ code: number; stdout: string; stderr: string }> {
  const main = join(import.meta.dirname, 'main.ts');
  return new Promise((resolve) => {
    execFile(process.execPath, [main], { env: { PATH: process.env.PATH, ...env } }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

test('the job creates the topic of order events, and is content when it is there', async (t) => {
  const { brokers } = await createTestTopic(t, { partitions: 1 });
  const topic = `ensure-${randomUUID()}`;
  const env = { KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic, KAFKA_TOPIC_PARTITIONS: '3' };
  const ready = { code: 0, stdout: `topic ${topic} is ready: 3 partitions\n`, stderr: '' };
  assert.deepEqual(await runJob(env), ready);
  assert.deepEqual(await runJob(env), ready);

  const complete = `${topic}.complete`;
  t.after(() => withKafkaAdmin({ brokers }, (admin) => admin.deleteTopics({ topics: [topic, complete] })));
  assert.equal((await topicSettings({ brokers, topic: complete }))['cleanup.policy'], 'compact');
  const config = await topicSettings({ brokers, topic });
  assert.equal(config['message.timestamp.type'], 'LogAppendTime');
  assert.equal(config['retention.ms'], String(7 * 24 * 60 * 60 * 1_000));
});

test('a topic with another number of partitions fails the job at once', async (t) => {
  const { brokers, topic } = await createTestTopic(t, { partitions: 2 });
  const { code, stderr } = await runJob({ KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic });
  assert.equal(code, 1);
  assert.match(stderr, /^topic not ready: topic \S+ has 2 partitions, not 12; [^\n]+\n$/);
});

test('a broker that does not come up in time fails the job', async () => {
  const port = await findFreePort();
  const env = { KAFKA_BROKERS: `127.0.0.1:${port}`, KAFKA_TOPIC_WAIT_MS: '500' };
  const { code, stdout, stderr } = await runJob(env);
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^topic not ready: broker 127\.0\.0\.1:\d+: [^\n]*ECONNREFUSED[^\n]*\n$/);
});

test('a job that is configured wrongly names every fault', async () => {
  const { code, stderr } = await runJob({ KAFKA_TOPIC_PARTITIONS: '0', KAFKA_BROKERS: 'kafka' });
  assert.equal(code, 78);
  assert.match(stderr, /KAFKA_BROKERS = "kafka": [^]*KAFKA_TOPIC_PARTITIONS = "0": /);
});
