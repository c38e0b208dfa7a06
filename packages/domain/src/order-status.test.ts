import assert from 'node:assert/strict';
import test from 'node:test';
import { canTransition, isEditable, nextStatuses, ORDER_STATUSES, type OrderStatus } from './order-status.ts';

/** Each step there is, written a second time: a change of the machine changes this list as well. */
const STEPS: readonly (readonly [OrderStatus, OrderStatus])[] = [
  ['pending', 'confirmed'],
  ['pending', 'cancelled'],
  ['confirmed', 'processing'],
  ['confirmed', 'cancelled'],
  ['processing', 'shipped'],
  ['processing', 'cancelled'],
  ['shipped', 'delivered'],
];

/** Statuses that can be reached in any number of steps. */
function reachableFrom(status: OrderStatus): Set<OrderStatus> {
  const reached = new Set<OrderStatus>();
  const waiting = [...nextStatuses(status)];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    waiting.push(...nextStatuses(next));
  }
  return reached;
}

test('an order can take exactly the listed steps', () => {
  for (const from of ORDER_STATUSES) {
    for (const to of ORDER_STATUSES) {
      const isStep = STEPS.some(([one, other]) => one === from && other === to);
      assert.equal(canTransition(from, to), isStep, `${from} to ${to}`);
      assert.equal(nextStatuses(from).includes(to), isStep, `${from} to ${to}`);
    }
  }
});

test('every status is reached from pending, none is reached twice, and every order can come to an end', () => {
  assert.deepEqual([...reachableFrom('pending'), 'pending'].toSorted(), [...ORDER_STATUSES].toSorted());
  for (const status of ORDER_STATUSES) {
    const later = reachableFrom(status);
    assert.equal(later.has(status), false, `${status} comes again`);
    assert.ok(
      [status, ...later].some((one) => nextStatuses(one).length === 0),
      `${status} has no end`,
    );
  }
});

test('what has shipped cannot be cancelled', () => {
  assert.equal(reachableFrom('shipped').has('cancelled'), false);
  assert.equal(reachableFrom('processing').has('cancelled'), true);
});

test('lines can be changed until picking starts, and never again after it', () => {
  assert.deepEqual(ORDER_STATUSES.filter(isEditable), ['pending', 'confirmed']);
  for (const status of ORDER_STATUSES.filter((one) => !isEditable(one))) {
    assert.equal([...reachableFrom(status)].some(isEditable), false, status);
  }
});
