import assert from 'node:assert/strict';
import test from 'node:test';
import {
  olderGroupId,
  subscriptionGroupId,
  subscriptionOfGroup,
  subscriptionOfOlderGroup,
} from './subscription-name.ts';

const PARTS = ['a', 'b', 'a.b', 'b.a', 'a.b.a', '.', 'a-b_c', 'orders.events'];

test('a group has one topic and one name, whatever dots they have, and none is that of an older gateway', () => {
  const ids = new Set<string>();
  for (const topic of PARTS) {
    for (const name of PARTS) {
      const id = subscriptionGroupId(topic, name);
      ids.add(id);
      assert.equal(subscriptionOfGroup(topic, id), name);
      for (const other of PARTS) if (other !== topic) assert.equal(subscriptionOfGroup(other, id), undefined);
      assert.equal(subscriptionOfOlderGroup(id), undefined);
      assert.equal(subscriptionOfGroup(topic, olderGroupId(`${topic}.${name}`)), undefined);
    }
  }
  assert.equal(ids.size, PARTS.length ** 2);
  assert.equal(subscriptionOfOlderGroup(olderGroupId('orders.events.billing')), 'orders.events.billing');
  for (const foreign of [
    '',
    'orders-stream.',
    'orders-stream.NOT',
    'orders-streams.a',
    `orders-stream.${'a'.repeat(201)}`,
  ]) {
    assert.equal(subscriptionOfOlderGroup(foreign), undefined);
  }
});
