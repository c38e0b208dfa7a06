import assert from 'node:assert/strict';
import test from 'node:test';
import { OrderStatus } from '@order-events/order-stream';
import fc from 'fast-check';
import { orderEvent } from '../../testing/order-events.ts';
import { type RoutedStep, runRouted } from '../../testing/routed-streams.ts';
import { createWatchedLog } from '../../testing/watched-log.ts';
import type { EdgeListener } from '../log/log-edge.ts';
import type { OrderLog } from '../log/order-log.ts';
import { createEdgeSeats, type EdgeSeats, type Seat } from './edge-seats.ts';
import { createStreamIndex, type StreamIndex } from './stream-index.ts';

const ids = (kind: string) => fc.constantFrom(...[1, 2, 3].map((id) => `${kind}-${id}`));
const some = <T>(value: fc.Arbitrary<T>) => fc.uniqueArray(value, { maxLength: 2 });
const selection = fc.record({
  orderIds: some(ids('order')),
  customerIds: some(ids('customer')),
  statuses: some(fc.constantFrom(OrderStatus.PENDING, OrderStatus.SHIPPED)),
  matchPreviousStatus: fc.boolean(),
});
const partition = fc.nat({ max: 4 });
const stream = fc.nat({ max: 9 });
const event = fc.record({
  orderId: ids('order'),
  customerId: ids('customer'),
  status: fc.constantFrom('pending' as const, 'shipped' as const),
  previousStatus: fc.constantFrom(undefined, 'pending' as const, 'shipped' as const),
});
const step: fc.Arbitrary<RoutedStep> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      partition,
      events: fc.array(event, { minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('open' as const), selection }) },
  { weight: 8, arbitrary: fc.constant({ kind: 'settle' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('stall' as const, 'go on' as const), stream }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), stream }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('unreadable' as const),
      partition,
      count: fc.integer({ min: 1, max: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom({ kind: 'add partition' as const }, { kind: 'lose Kafka' as const }),
  },
);

type MakeSeats = (log: OrderLog, index: StreamIndex<Seat>) => EdgeSeats;

const anyHistory = (makeSeats: MakeSeats) =>
  fc.asyncProperty(
    fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }),
    fc.constantFrom(1, 1024 * 1024),
    async (steps, ringBytes) => {
      const index = createStreamIndex<Seat>();
      const entries = new Set<ReturnType<typeof index.enter>>();
      const enter: typeof index.enter = (filter) => {
        const entry = index.enter(filter);
        entries.add(entry);
        return entry;
      };
      await runRouted(steps, { ringBytes, createSeats: (log) => makeSeats(log, { ...index, enter }) });
      assert.equal(index.size(), 0, 'what is in the index without a stream');
      assert.ok(![...entries].some(({ waiting }) => waiting.size > 0), 'waits, and has gone');
    },
  );

test('whoever joins, stalls, leaves or rests: each stream gets what it wants, once, and no token passes what was not sent', async () => {
  await fc.assert(anyHistory(createEdgeSeats), { numRuns: 100 });
});

test('an event wakes those that want it, and nobody else', async () => {
  const given = createWatchedLog();
  given.open();
  const looks = new Map<string, number>();
  const { batches } = given.sources;
  const read: typeof batches.read = (position, group, loaded) => {
    const [customer = 'all'] = group.filter.customerIds;
    looks.set(customer, (looks.get(customer) ?? 0) + 1);
    return batches.read(position, group, loaded);
  };
  Object.assign(given.sources, { batches: { ...batches, read } });
  const customers = ['customer-1', 'customer-2', 'customer-3'];
  const selections = [...customers.map((customer) => ({ customerIds: [customer] })), {}];
  const streams = selections.map((wanted) => given.watch({ selection: wanted }));
  const live = streams.map(async (each) => [await each.next(), await each.next()]);
  await Promise.all(live);
  const delivered = streams.map((each) => each.next());
  looks.clear();
  given.append(0, [orderEvent({ customerId: 'customer-2' })]);
  await Promise.all([delivered[1], delivered[3]]);
  assert.deepEqual([...looks.keys()].toSorted(), ['all', 'customer-2']);
  given.append(1, [orderEvent({ customerId: 'customer-1' }), orderEvent({ customerId: 'customer-3' })]);
  await Promise.all(delivered);
  await Promise.all(streams.map((each) => each.close()));
});

/** Seats that hear of the log in a wrong way. */
const misheard =
  (change: (listener: EdgeListener, log: OrderLog) => EdgeListener): MakeSeats =>
  (log, index) =>
    createEdgeSeats({ ...log, followEdge: (listener) => log.followEdge(change(listener, log)) }, index);

/** Seats with an index that is wrong. */
const misplaced =
  (change: (index: StreamIndex<Seat>) => Partial<StreamIndex<Seat>>): MakeSeats =>
  (log, index) =>
    createEdgeSeats(log, { ...index, ...change(index) });

const MUTANTS: Readonly<Record<string, MakeSeats>> = {
  'a stream takes its place behind the event that it is woken for': misheard(({ grown, disturbed }, log) => ({
    grown: (events) => grown(events, log.edge()!),
    disturbed,
  })),
  'a stream takes a place that it had passed before': misheard(({ grown, disturbed }) => {
    let last: Parameters<typeof grown>[1] | undefined;
    return {
      grown(events, before) {
        grown(events, last ?? before);
        last = before;
      },
      disturbed,
    };
  }),
  'what cannot be read disturbs nobody': misheard(({ grown }) => ({ grown, disturbed: () => {} })),
  'only the first event of a batch is looked at': misheard(({ grown, disturbed }) => ({
    grown: (events, before) => grown(events.slice(0, 1), before),
    disturbed,
  })),
  'a stream that has gone stays in the index': misplaced(() => ({ leave: () => {} })),
  'a stream that has gone stays where it rested': (log, index) => {
    const seats = createEdgeSeats(log, index);
    return {
      open(filter, signal) {
        const seat = seats.open(filter, signal);
        const entry = index.enter(filter);
        const rested = new Set<Seat>();
        return {
          ...seat,
          rest(ms) {
            const resting = seat.rest(ms);
            for (const each of entry.waiting) rested.add(each);
            return resting;
          },
          close() {
            seat.close();
            index.leave(entry);
            for (const each of rested) entry.waiting.add(each);
          },
        };
      },
    };
  },
  'the last of those concerned is missed': misplaced(({ concerned }) => ({
    concerned: (of) => concerned(of).slice(0, -1),
  })),
  'streams of the same filter share an entry that the first one takes with it': misplaced((index) => {
    const present = new Set<object>();
    return {
      enter(filter) {
        const entry = index.enter(filter);
        present.add(entry);
        return entry;
      },
      leave(entry) {
        present.delete(entry);
        index.leave(entry);
      },
      concerned: (of) => index.concerned(of).filter((entry) => present.has(entry)),
    };
  }),
};

for (const [what, createSeats] of Object.entries(MUTANTS)) {
  test(`found out: ${what}`, async () => {
    const { failed } = await fc.check(anyHistory(createSeats), { numRuns: 3_000, endOnFailure: true });
    assert.ok(failed);
  });
}
