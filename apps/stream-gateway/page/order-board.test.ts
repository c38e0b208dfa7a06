import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { createOrderBoard } from './order-board.js';

const STATUSES = ['ORDER_STATUS_PENDING', 'ORDER_STATUS_SHIPPED', 'ORDER_STATUS_DELIVERED'] as const;

const changes = fc.array(
  fc.record({
    orderId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    orderVersion: fc.bigInt({ min: 1n, max: 5n }),
    status: fc.constantFrom(...STATUSES),
  }),
);

test('each of the orders that changed last stands where its newest version is, and once', () => {
  fc.assert(
    fc.property(changes, fc.integer({ min: 1, max: 8 }), (events, maxOrders) => {
      const board = createOrderBoard({ maxOrders });
      /** The same, by looking at everything: the last to change is at the end. */
      let expected: typeof events = [];
      for (const event of events) {
        board.add(event);
        const known = expected.find(({ orderId }) => orderId === event.orderId);
        if (known && known.orderVersion >= event.orderVersion) continue;
        expected = [...expected.filter((other) => other !== known), event].slice(-maxOrders);
      }
      for (const status of STATUSES) {
        const ofStatus = expected.filter((event) => event.status === status);
        assert.equal(board.count(status), ofStatus.length);
        const newest = board.newest(status, 2).map(({ orderId, version }) => [orderId, version]);
        const wanted = ofStatus.map(({ orderId, orderVersion }) => [orderId, orderVersion]);
        assert.deepEqual(newest, wanted.slice(-2).reverse());
      }
    }),
  );
});
