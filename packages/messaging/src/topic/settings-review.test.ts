import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EffectiveSettings } from './effective-settings.ts';
import { reviewSettings } from './settings-review.ts';

const KEPT = {
  'cleanup.policy': 'delete',
  'max.message.bytes': '1048588',
  'message.timestamp.type': 'LogAppendTime',
  'min.insync.replicas': '2',
  'retention.bytes': '-1',
  'retention.ms': '604800000',
  'unclean.leader.election.enable': 'false',
};

function found(
  topic: Record<string, string>,
  fields: Partial<EffectiveSettings> = {},
  broker = {},
): string[] {
  const settings: EffectiveSettings = {
    topic: new Map(Object.entries({ ...KEPT, ...topic })),
    broker: new Map(
      Object.entries({
        'producer.id.expiration.ms': '86400000',
        'transaction.max.timeout.ms': '900000',
        ...broker,
      }),
    ),
    replicationFactor: 3,
    brokerCount: 3,
    ...fields,
  };
  return reviewSettings(settings).map(({ name, severity }) => `${severity} ${name}`);
}

test('settings that keep what is promised are not worth a word', () => {
  assert.deepEqual(found({}), []);
  assert.deepEqual(found({ 'retention.ms': '-1' }), []);
  const alone = { replicationFactor: 1, brokerCount: 1 };
  assert.deepEqual(found({ 'min.insync.replicas': '1' }, alone), [], 'one broker cannot keep two copies');
});

for (const [what, ...answer] of [
  ['halt topic-compacted', found({ 'cleanup.policy': 'compact' })],
  ['halt topic-compacted', found({ 'cleanup.policy': 'compact,delete' })],
  ['fault short-retention', found({ 'retention.ms': '60000' })],
  ['fault short-transactions', found({}, {}, { 'transaction.max.timeout.ms': '500' })],
  ['notice short-producer-memory', found({}, {}, { 'producer.id.expiration.ms': '60000' })],
  ['notice too-few-replicas', found({}, { replicationFactor: 1, brokerCount: 1 })],
  ['notice unclean-election', found({ 'unclean.leader.election.enable': 'true' })],
  ['notice one-copy', found({ 'min.insync.replicas': '1' })],
  ['notice one-copy', found({ 'min.insync.replicas': '1' }, { replicationFactor: 1 })],
  ['notice writers-time', found({ 'message.timestamp.type': 'CreateTime' })],
  ['notice retention-by-size', found({ 'retention.bytes': '1000000' })],
  ['notice small-messages', found({ 'max.message.bytes': '1000' })],
  ['notice settings-unknown', found({}, { topic: undefined, broker: undefined })],
] as const) {
  test(`found: ${what}`, () => {
    assert.deepEqual(answer, [[what]]);
  });
}
