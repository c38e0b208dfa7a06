import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runTestFiles, startKafka } from '../../../../test/harness/index.ts';

/** Groups, writer, fence, ledger and reader. */
const FILES = [
  'group/group-member.int.test.ts',
  'group/group-offsets.int.test.ts',
  'publish/kafka-publisher.int.test.ts',
  'read/log-reader.int.test.ts',
  'publish/log-writer.int.test.ts',
  'publish/producer-fence.int.test.ts',
].map((name) => join(import.meta.dirname, '..', name));

test('Kafka 3.9 is written, fenced, read and shared like the newest', async (t) => {
  const { brokers, version } = await startKafka(t, { line: '3.9' });
  t.diagnostic(`Apache Kafka ${version}`);
  await runTestFiles(t, FILES, { brokers });
});

test('a Kafka behind TLS and a login is written, fenced, read and shared like an open one', async (t) => {
  const user = { username: 'relay', password: 'secret' };
  const { secured } = await startKafka(t, { securedFor: user });
  assert.ok(secured);
  const { brokers, ca } = secured;
  await runTestFiles(t, FILES, { brokers, ssl: { ca }, sasl: { mechanism: 'scram-sha-512', ...user } });
});
