import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { startKafka } from '../../../../test/harness/index.ts';
import { startLossyProxy } from '../../testing/lossy-proxy.ts';
import { createResequencingWriter } from '../../testing/mutants.ts';
import { ensureTopic } from '../topic/ensure-topic.ts';
import { createLogReader } from '../read/log-reader.ts';
import { createLogWriter, type LogWriter, type LogWriterConfig } from './log-writer.ts';

const soon = () => AbortSignal.timeout(60_000);

/** Appends 'a' whose first acknowledgement is lost, then 'b'; answers what the log holds then. */
async function appendWithLostAnswer(
  t: TestContext,
  client: { brokers: string[]; loseAnswers(lose: boolean): void },
  createWriter: (config: LogWriterConfig) => LogWriter,
): Promise<string[]> {
  const topic = `lost-answer-${randomUUID()}`;
  const config = { brokers: client.brokers, clientId: 'test', requestTimeoutMs: 1_000, topic };
  await ensureTopic(config, { topic, partitions: 1, replicationFactor: 1 });
  let retries = 0;
  const retried = () => {
    retries += 1;
    client.loseAnswers(false);
  };
  const told: string[] = [];
  const handedOver = (_partition: number, [record]: readonly { value: string | null }[]) => ({
    retried: () => told.push(`${record?.value} again`),
    ended: ({ kind }: { kind: string }) => told.push(`${record?.value} ${kind}`),
  });
  const observer = { retried, handedOver };
  const writer = createWriter({ ...config, transactionalIdPrefix: topic, observer });
  const reader = createLogReader(config);
  t.after(() => {
    writer.close();
    reader.close();
  });
  await writer.claim(0, soon());
  const records = (value: string) => [{ key: 'k', value, headers: {} }];
  assert.equal((await writer.append(0, records('warm up'), soon())).kind, 'appended');
  client.loseAnswers(true);
  assert.equal((await writer.append(0, records('a'), soon())).kind, 'appended');
  assert.ok(retries > 0, 'no answer was lost');
  assert.equal((await writer.append(0, records('b'), soon())).kind, 'appended');
  if (createWriter === createLogWriter) {
    const again = Array.from({ length: retries }, () => 'a again');
    assert.deepEqual(told, ['warm up appended', ...again, 'a appended', 'b appended']);
  }
  const values: string[] = [];
  await reader.read(await reader.offsets('earliest'), await reader.offsets('latest'), (batch) => {
    values.push(...batch.records.map(({ value }) => String(value)));
  });
  return values;
}

test('a batch whose acknowledgement was lost is in the log once; under a new sequence it would be there twice', async (t) => {
  const proxy = await startLossyProxy(t);
  const listener = { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}` };
  const kafka = await startKafka(t, { settings: listener });
  proxy.forwardTo(kafka.port);
  const client = { brokers: [`127.0.0.1:${proxy.port}`], loseAnswers: proxy.loseAnswers };
  assert.deepEqual(await appendWithLostAnswer(t, client, createLogWriter), ['warm up', 'a', 'b']);
  assert.deepEqual(await appendWithLostAnswer(t, client, createResequencingWriter), [
    'warm up',
    'a',
    'a',
    'b',
  ]);
});
