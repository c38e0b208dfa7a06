import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { delivered, modelStream, tokenAt } from './model-watch.ts';
import { isSelected, type LoggedEvent, type OrderSelection, type TopicLog } from './topic-log.ts';
import { type Guarantee, longestSilenceMs, violationsOf } from './watch-guarantees.ts';
import type { ReceivedMessage, RecordedStream, WatchHistory } from './watch-history.ts';

const PARTITIONS = 3;
const STATUSES = ['ORDER_STATUS_PENDING', 'ORDER_STATUS_SHIPPED'] as const;
const FILTER: OrderSelection = { statuses: ['ORDER_STATUS_SHIPPED'] };

/** Events of two orders in each partition, with offsets that records of other kinds interrupt. */
const logs = fc
  .array(
    fc.record({ skipped: fc.nat({ max: 2 }), status: fc.nat({ max: 1 }), repeats: fc.nat({ max: 9 }) }),
    {
      minLength: 40,
      maxLength: 60,
    },
  )
  .map((records): TopicLog => {
    const partitions = Array.from({ length: PARTITIONS }, (): LoggedEvent[] => []);
    for (const [index, { skipped, status, repeats }] of records.entries()) {
      const partition = index % PARTITIONS;
      const events = partitions[partition]!;
      const last = events.at(-1);
      const offset = (last?.offset ?? -1n) + 1n + BigInt(skipped);
      const fresh: LoggedEvent = {
        ...{ partition, offset, timestampMs: index, isRepeated: false },
        ...{
          eventId: `event-${index}`,
          orderId: `order-${partition}-${index % 2}`,
          orderVersion: BigInt(index + 1),
        },
        ...{ customerId: 'customer', status: STATUSES[status]!, eventType: 'ORDER_EVENT_TYPE_UPDATED' },
        previousStatus: STATUSES[index % 2]!,
      };
      const isRepeat = repeats === 0 && last !== undefined && !last.isRepeated;
      events.push(isRepeat ? { ...last, offset, isRepeated: true } : fresh);
    }
    return { partitions, ends: partitions.map((events) => (events.at(-1)?.offset ?? -1n) + 1n) };
  });

/** A client whose streams end after some messages and are taken up with the last token, until it has seen all. */
const histories = fc
  .record({
    log: logs,
    filter: fc.constantFrom<OrderSelection>({}, FILTER, { ...FILTER, matchPreviousStatus: true }),
    cuts: fc.array(fc.record({ batch: fc.integer({ min: 2, max: 4 }), messages: fc.nat({ max: 6 }) })),
  })
  .map(({ log, filter, cuts }) => {
    const streams: RecordedStream[] = [];
    let next: readonly bigint[] = log.ends.map(() => 0n);
    for (const cut of [...cuts, { batch: 3, messages: 1_000 }]) {
      const { stream, next: reached } = modelStream(log, filter, next, cut);
      streams.push(stream);
      next = reached;
    }
    return { log, history: { client: 'model', filter, streams } satisfies WatchHistory };
  });

test('what a correct gateway delivers breaks no guarantee, however it is cut', () => {
  fc.assert(
    fc.property(histories, ({ log, history }) => {
      assert.deepEqual(violationsOf([history], log), []);
    }),
  );
});

interface Mutant {
  readonly breaks: Guarantee;
  /** Undefined when this history has no place for the fault. */
  readonly make: (history: WatchHistory, log: TopicLog) => WatchHistory | undefined;
}

const FLAWS: Readonly<Record<string, Mutant>> = {
  'an event is missing between others': {
    breaks: 'reliable',
    make: (history) => withMiddleEvent(history, () => []),
  },
  'an event is missing before a token': {
    breaks: 'bookmarkable',
    make: (history) => withMiddleEvent(history, () => []),
  },
  'an event comes twice': {
    breaks: 'unique',
    make: (history) => withMiddleEvent(history, (event) => [event, event]),
  },
  'two events of a partition come in the wrong order': {
    breaks: 'ordered',
    make: (history) => withMessage(history, (events) => events.length > 1, swapped),
  },
  'an event has another status than in the log': {
    breaks: 'filtered',
    make: (history) =>
      withMiddleEvent(history, (event) => [
        { ...event, orderVersion: event.orderVersion, customerId: 'other' },
      ]),
  },
  'an event is not in the log': {
    breaks: 'filtered',
    make: (history) => withMiddleEvent(history, (event) => [{ ...event, offset: event.offset + 1_000n }]),
  },
  'an event does not match the filter': {
    breaks: 'filtered',
    make: (history, log) => {
      const other = log.partitions.flat().find((event) => !isSelected(FILTER, event));
      if (history.filter !== FILTER || !other) return undefined;
      return withMiddleEvent(history, (event) => [event, delivered(other)]);
    },
  },
  'a token is beyond what was delivered': {
    breaks: 'bookmarkable',
    make: (history, log) => withTokens(history, (index) => (index === 1 ? tokenAt(log.ends) : undefined)),
  },
  'a token is before what comes with it': {
    breaks: 'bookmarkable',
    make: (history) =>
      withTokens(history, (index, { message }, first) =>
        message.events.length > 0 && index > 0 ? first : undefined,
      ),
  },
  'a token goes back': {
    breaks: 'bookmarkable',
    make: (history) => withTokens(history, (index, _, first) => (index === 4 ? first : undefined)),
  },
  'a stream begins behind the last token': {
    breaks: 'resumable',
    make: (history) => withResumption(history, ([started, , ...rest]) => [started, ...rest]),
  },
  'a stream begins elsewhere than it was asked to': {
    breaks: 'resumable',
    make: (history, log) => ({
      ...history,
      streams: history.streams.map((stream) => ({
        ...stream,
        start: { $case: 'resumeToken', value: tokenAt(log.ends.map((end) => end / 2n)) },
      })),
    }),
  },
  'nothing says that a stream has begun': {
    breaks: 'announced',
    make: (history) => withResumption(history, ([, ...rest]) => rest),
  },
  'a gap is told to a client that allows none': {
    breaks: 'announced',
    make: (history) =>
      withResumption(history, ([started, ...rest]) => [
        started,
        ...rest.map((received) => ({
          ...received,
          message: {
            ...received.message,
            signal: { $case: 'gap', value: { fromToken: tokenAt([]), missedEvents: 0n } } as const,
          },
        })),
      ]),
  },
};

for (const [flaw, { breaks, make }] of Object.entries(FLAWS)) {
  test(`it is seen when ${flaw}: not ${breaks}`, () => {
    let mutants = 0;
    fc.assert(
      fc.property(histories, ({ log, history }) => {
        const mutant = make(history, log);
        fc.pre(mutant !== undefined);
        mutants += 1;
        const found = violationsOf([mutant!], log).map(({ guarantee }) => guarantee);
        assert.ok(found.includes(breaks), `only ${found.join() || 'nothing'} is seen`);
      }),
    );
    assert.ok(mutants > 50);
  });
}

test('silence counts from the opening of a stream to its end', () => {
  const message = { events: [], resumeToken: '', signal: undefined };
  const streams: RecordedStream[] = [
    { openedAtMs: 0, messages: [{ atMs: 10, message }], endedAtMs: 30 },
    {
      openedAtMs: 1_000,
      messages: [
        { atMs: 1_005, message },
        { atMs: 1_010, message },
      ],
    },
  ];
  assert.equal(longestSilenceMs({ client: '', filter: {}, streams: streams.slice(0, 1) }), 20);
  assert.equal(longestSilenceMs({ client: '', filter: {}, streams }, 1_100), 90);
});

type Events = ReceivedMessage['message']['events'];

/** Changes the first message that `wanted` says, if any. */
function withMessage(
  history: WatchHistory,
  wanted: (events: Events) => boolean,
  change: (events: Events) => Events,
): WatchHistory | undefined {
  let isChanged = false;
  const streams = history.streams.map((stream) => ({
    ...stream,
    messages: stream.messages.map((received) => {
      if (isChanged || !wanted(received.message.events)) return received;
      isChanged = true;
      return { ...received, message: { ...received.message, events: change(received.message.events) } };
    }),
  }));
  return isChanged ? { ...history, streams } : undefined;
}

/** Replaces an event that has others of its partition before and behind it. */
function withMiddleEvent(
  history: WatchHistory,
  replace: (event: Events[number]) => Events,
): WatchHistory | undefined {
  const all = history.streams.flatMap(({ messages }) => messages.flatMap(({ message }) => message.events));
  const ofOne = all.filter(({ partition }) => partition === all[0]?.partition);
  const middle = ofOne.length > 2 ? ofOne[1] : undefined;
  return withMessage(
    history,
    (events) => middle !== undefined && events.includes(middle),
    (events) => events.flatMap((event) => (event === middle ? replace(event) : [event])),
  );
}

function swapped([first, second, ...rest]: Events): Events {
  return [second!, first!, ...rest];
}

/** Changes the tokens of the first stream that is long enough. */
function withTokens(
  history: WatchHistory,
  tokenOf: (index: number, received: ReceivedMessage, first: string) => string | undefined,
): WatchHistory | undefined {
  const position = history.streams.findIndex(
    ({ messages }) =>
      messages.filter(({ message }) => message.events.length > 0).length > 2 && messages.length > 5,
  );
  const stream = history.streams[position];
  const first = stream?.messages[0]?.message.resumeToken;
  if (!stream || first === undefined) return undefined;
  const messages = stream.messages.map((received, index) => {
    const resumeToken = tokenOf(index, received, first) ?? received.message.resumeToken;
    return { ...received, message: { ...received.message, resumeToken } };
  });
  // Alone: a later stream would begin elsewhere.
  return { ...history, streams: [{ ...stream, messages }] };
}

/** Changes the messages of the first stream whose first message after Started brings the first events of a partition. */
function withResumption(
  history: WatchHistory,
  change: (messages: readonly ReceivedMessage[]) => readonly (ReceivedMessage | undefined)[],
): WatchHistory | undefined {
  const position = history.streams.findIndex(({ messages: [, first, ...rest] }) =>
    first?.message.events.some(({ partition }) =>
      rest.some(({ message }) => message.events.some((event) => event.partition === partition)),
    ),
  );
  const stream = history.streams[position];
  if (!stream) return undefined;
  const messages = change(stream.messages).filter((message) => message !== undefined);
  return { ...history, streams: history.streams.with(position, { ...stream, messages }) };
}
