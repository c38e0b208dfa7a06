import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delivered } from './model-watch.ts';
import { type SubscriptionGuarantee, subscriptionViolations } from './subscription-guarantees.ts';
import type { SubscriptionHistory, SubscriptionStep } from './subscription-history.ts';
import type { LoggedEvent, TopicLog } from './topic-log.ts';

const FILTER = { statuses: ['ORDER_STATUS_SHIPPED'] } as const;

/** Two orders in two partitions; every third event does not match. */
const events = Array.from({ length: 12 }, (_, index): LoggedEvent => ({
  ...{ partition: index % 2, offset: BigInt(index), timestampMs: index, isRepeated: false },
  ...{ eventId: `event-${index}`, orderId: `order-${index % 2}`, orderVersion: BigInt(index + 1) },
  ...{ customerId: 'customer', eventType: 'ORDER_EVENT_TYPE_UPDATED' },
  status: index % 3 === 2 ? 'ORDER_STATUS_PENDING' : 'ORDER_STATUS_SHIPPED',
  previousStatus: 'ORDER_STATUS_UNSPECIFIED',
}));
const log: TopicLog = {
  partitions: [0, 1].map((partition) => events.filter((event) => event.partition === partition)),
  ends: [12n, 12n],
};
const due = events.filter(({ status }) => status === 'ORDER_STATUS_SHIPPED').map(delivered);

const step = (kind: SubscriptionStep['kind'], index: number, consumer = 'a'): SubscriptionStep => ({
  kind,
  consumer,
  event: due[index]!,
});

/** Consumer a stores the first half and goes; b gets what a had not acknowledged again, and the rest. */
const CORRECT: readonly SubscriptionStep[] = [
  ...[0, 1, 2, 3, 4].map((index) => step('delivered', index)),
  ...[0, 1, 2].map((index) => step('acknowledged', index)),
  ...[0, 1, 2].map((index) => step('stored', index)),
  ...[3, 4, 5, 6, 7].flatMap((index) => [step('delivered', index, 'b'), step('acknowledged', index, 'b')]),
];

function violations(steps: readonly SubscriptionStep[]): string[] {
  const history: SubscriptionHistory = { subscription: 'test', filter: FILTER, steps };
  return subscriptionViolations(history, log).map(({ guarantee }) => guarantee);
}

test('work that is handed on as it should be breaks no guarantee', () => {
  assert.deepEqual(violations(CORRECT), []);
});

const FLAWS: Readonly<Record<string, readonly [SubscriptionGuarantee, readonly SubscriptionStep[]]>> = {
  'an event comes to nobody': ['handled', CORRECT.filter(({ event }) => event !== due[5])],
  'an event is acknowledged by nobody': [
    'handled',
    CORRECT.filter(({ kind, event }) => kind !== 'acknowledged' || event !== due[6]),
  ],
  'an event comes before an earlier one of its order': ['inOrder', [step('delivered', 2), ...CORRECT]],
  'an event is left out between others': [
    'inOrder',
    CORRECT.filter(({ kind, event }) => kind !== 'delivered' || event !== due[1]),
  ],
  'an event comes again after it was stored': ['settled', [...CORRECT, step('delivered', 1, 'b')]],
  'an event is not in the log': [
    'genuine',
    CORRECT.map((each) => ({ ...each, event: { ...each.event, customerId: 'other' } })),
  ],
  'an event does not match the filter': [
    'genuine',
    [...CORRECT, { kind: 'delivered', consumer: 'b', event: delivered(events[2]!) }],
  ],
};

for (const [flaw, [guarantee, steps]] of Object.entries(FLAWS)) {
  test(`it is seen when ${flaw}: not ${guarantee}`, () => {
    const found = violations(steps);
    assert.ok(found.includes(guarantee), `only ${found.join() || 'nothing'} is seen`);
  });
}
