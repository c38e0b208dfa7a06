import assert from 'node:assert/strict';
import test from 'node:test';
import { OrderEventType, OrderStatus } from '@order-events/order-stream';
import fc from 'fast-check';
import { createEventFilter, type EventFilter } from '../log/event-filter.ts';
import { createStreamIndex, type FilterEntry, type StreamIndex } from './stream-index.ts';

// An index against the plainest idea of one: asking the filter of each stream.

const ids = (kind: string) => fc.constantFrom(...[1, 2, 3, 4].map((id) => `${kind}-${id}`));
const some = <T>(value: fc.Arbitrary<T>) => fc.uniqueArray(value, { maxLength: 3 });
const status = fc.constantFrom(OrderStatus.PENDING, OrderStatus.SHIPPED);
const previousStatus = fc.constantFrom(OrderStatus.UNSPECIFIED, OrderStatus.PENDING, OrderStatus.SHIPPED);
const eventType = fc.constantFrom(OrderEventType.CREATED, OrderEventType.STATUS_CHANGED);
const selection = fc.record({
  orderIds: some(ids('order')),
  customerIds: some(ids('customer')),
  statuses: some(status),
  eventTypes: some(eventType),
  matchPreviousStatus: fc.boolean(),
});
const event = fc.record({
  orderId: ids('order'),
  customerId: ids('customer'),
  status,
  previousStatus,
  eventType,
});
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('enter' as const), selection }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('enter again' as const), stream: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('wait' as const, 'stop' as const, 'leave' as const),
      stream: fc.nat(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('event' as const), event }) },
);

interface ModelStream {
  readonly name: string;
  readonly filter: EventFilter;
  readonly entry: FilterEntry<string>;
}

type Step = typeof step extends fc.Arbitrary<infer Given> ? Given : never;

function checkSteps(index: StreamIndex<string>, steps: readonly Step[]): void {
  const streams: ModelStream[] = [];
  let entered = 0;
  const enter = (filter: EventFilter) => {
    const stream = { name: `stream-${(entered += 1)}`, filter, entry: index.enter(filter) };
    stream.entry.waiting.add(stream.name);
    streams.push(stream);
  };
  const leave = ({ name, entry }: ModelStream) => {
    entry.waiting.delete(name);
    index.leave(entry);
  };
  for (const given of steps) {
    if (given.kind === 'enter') enter(createEventFilter(given.selection));
    else if (given.kind === 'event') {
      const wanting = streams.filter(
        ({ name, filter, entry }) => entry.waiting.has(name) && filter(given.event),
      );
      const found = index.concerned(given.event).flatMap(({ waiting }) => [...waiting]);
      assert.deepEqual(found.toSorted(), wanting.map(({ name }) => name).toSorted());
    } else {
      const at = given.stream % Math.max(1, streams.length);
      const stream = streams[at];
      if (!stream) continue;
      if (given.kind === 'enter again') enter(stream.filter);
      if (given.kind === 'wait') stream.entry.waiting.add(stream.name);
      if (given.kind === 'stop') stream.entry.waiting.delete(stream.name);
      if (given.kind === 'leave') streams.splice(at, 1).forEach(leave);
    }
  }
  streams.forEach(leave);
  assert.equal(index.size(), 0, 'what is left without a stream');
}

const check = (make: () => StreamIndex<string>, options: { readonly seed?: number } = {}) =>
  fc.check(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => checkSteps(make(), steps)),
    { numRuns: 500, endOnFailure: true, ...options },
  );
/** With some other seeds one of them gets through. */
const SEED_OF_MUTANTS = 3;

test('an event finds all that wait for it and nobody else, and nothing is left of those that have gone', () => {
  assert.equal(check(createStreamIndex<string>).errorInstance, null);
});

test('a stream leaves once', () => {
  const index = createStreamIndex<string>();
  const entry = index.enter(
    createEventFilter({ statuses: [], orderIds: ['order-1'], customerIds: [], eventTypes: [] }),
  );
  index.leave(entry);
  assert.throws(() => index.leave(entry), RangeError);
});

/** Indexes that are wrong in one point each. */
const MUTANTS: Readonly<Record<string, (index: StreamIndex<string>) => Partial<StreamIndex<string>>>> = {
  'an entry is missed': ({ concerned }) => ({ concerned: (of) => concerned(of).slice(1) }),
  'an entry is found twice': ({ concerned }) => ({
    concerned: (of) => concerned(of).flatMap((entry) => [entry, entry]),
  }),
  'statuses are not looked at': ({ concerned }) => ({
    concerned: (of) => [
      ...new Set(
        [OrderStatus.PENDING, OrderStatus.SHIPPED].flatMap((each) => concerned({ ...of, status: each })),
      ),
    ],
  }),
  'the status before is not looked at': ({ concerned }) => ({
    concerned: (of) => concerned({ ...of, previousStatus: OrderStatus.UNSPECIFIED }),
  }),
  'a customer is not looked at where orders are named': ({ enter }) => ({
    enter: (filter) => {
      const loose = Object.assign(
        (of: Parameters<EventFilter>[0]) =>
          filter({ ...of, customerId: [...filter.customerIds][0] ?? of.customerId }),
        filter,
      );
      return enter(filter.orderIds.size > 0 ? loose : filter);
    },
  }),
  'an entry stays when its last stream has gone': () => ({ leave: () => {} }),
  'an entry goes with the first of its streams': ({ concerned, leave }) => {
    const gone = new Set<object>();
    return {
      leave(entry) {
        gone.add(entry);
        leave(entry);
      },
      concerned: (of) => concerned(of).filter((entry) => !gone.has(entry)),
    };
  },
  'a filter that comes again gets the entry of those that have gone': ({ enter }) => {
    const known = new Map<string, FilterEntry<string>>();
    return {
      enter(filter) {
        const entry = enter(filter);
        const old = known.get(filter.key);
        if (!old) known.set(filter.key, entry);
        return old ?? entry;
      },
    };
  },
};

for (const [what, change] of Object.entries(MUTANTS)) {
  test(`found out: ${what}`, () => {
    const mutant = () => {
      const index = createStreamIndex<string>();
      return { ...index, ...change(index) };
    };
    assert.ok(check(mutant, { seed: SEED_OF_MUTANTS }).failed);
  });
}
