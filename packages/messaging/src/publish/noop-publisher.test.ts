import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNoopPublisher } from './noop-publisher.ts';

test('nothing is published, and nothing is said to be', async () => {
  const event = { eventId: '1', key: 'k', partition: 0, value: '{}', headers: {} };
  assert.deepEqual(await createNoopPublisher().publish([event, event]), [{ kind: 'held' }, { kind: 'held' }]);
});
