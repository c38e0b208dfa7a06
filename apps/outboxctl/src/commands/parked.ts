import {
  countParkedEvents,
  discardEvents,
  findParkedEvents,
  listParkedKeys,
  type ParkedChoice,
  type ParkedEvent,
  type ParkedKey,
  requeueKeys,
} from '@order-events/outbox';
import { parseDuration, parsePositive, parseUuid } from '../argument-value.ts';
import type { Call, Command, OptionSpec } from '../command.ts';
import { refuseForeignCursors } from '../identity-check.ts';
import { CommandError, EXIT, UsageError } from '../outcome.ts';
import { pollUntil } from '../poll-until.ts';
import { counted, printable, textTable } from '../text-table.ts';

const KEY_OPTION: OptionSpec = {
  type: 'string',
  value: 'key',
  help: 'all parked events of this key (order id)',
};
/** Payloads may be 900 kB each. */
const MAX_SHOWN = 20;

export const parkedList: Command = {
  name: 'parked list',
  summary: 'List the keys of which events are parked',
  details:
    'An event that Kafka refuses for good is parked, and later events of its key wait behind it, in order. All other\n' +
    'keys go on.',
  options: { limit: { type: 'string', value: 'n', help: 'how many keys to show (default 100)' } },
  examples: ['parked list', 'parked list --json | jq -r ".keys[].key"'],
  async run({ flags, pool, terminal }) {
    const limit = parsePositive('--limit', flags.text('limit') ?? '100');
    const { keys, total, events } = await listParkedKeys(pool, limit);
    const table = textTable(
      ['KEY', 'PARTITION', 'EVENTS', 'FIRST EVENT', 'TYPE', 'PARKED AT', 'STATE', 'CAUSE'],
      keys.map((key) => [
        key.key,
        key.partition,
        key.events,
        key.firstEventId,
        key.eventType,
        key.parkedAt.toISOString(),
        key.requeuedAt ? 'requeued' : 'parked',
        key.cause,
      ]),
    );
    terminal.answer(
      { keys: keys.map(keyJson), total_keys: total, total_events: events },
      total === 0 ? 'nothing is parked' : table,
    );
    if (keys.length < total) terminal.say(`${total - keys.length} more: --limit ${total} shows all`);
    return EXIT.ok;
  },
};

export const parkedShow: Command = {
  name: 'parked show',
  synopsis: '<event id> | --key <key>',
  maxPositionals: 1,
  summary: 'Show parked events with headers and payload',
  details: `In the order in which they would be published; of a key the first ${MAX_SHOWN}.`,
  options: { key: KEY_OPTION },
  examples: ['parked show 0199aa10-5a5e-7cf1-8f0e-2f7d8c0d6b11'],
  async run(call) {
    const events = await findParkedEvents(call.pool, choice(call), MAX_SHOWN);
    if (events.length === 0) throw nothingParked();
    const text = events.map((event) =>
      [
        `event      ${event.eventId}  ${event.eventType}  seq ${event.seq}`,
        `key        ${event.key}  partition ${event.partition}`,
        `created    ${event.createdAt.toISOString()}`,
        `parked     ${event.parkedAt.toISOString()}${event.requeuedAt ? `, requeued ${event.requeuedAt.toISOString()}` : ''}`,
        `cause      ${event.cause}`,
        `headers    ${JSON.stringify(event.headers)}`,
        `payload    ${printable(event.payload)}`,
      ].join('\n'),
    );
    call.terminal.answer({ events: events.map(eventJson) }, text.join('\n\n'));
    return EXIT.ok;
  },
};

export const parkedRequeue: Command = {
  name: 'parked requeue',
  synopsis: '<event id> | --key <key> | --all',
  maxPositionals: 1,
  summary: 'Publish parked events again, in order',
  details:
    'Always the whole key, since an event may not overtake another of its key. Waits until the owners have published\n' +
    'them; ends with 1 when Kafka refuses one of them again, and then they stay parked.',
  options: {
    key: KEY_OPTION,
    all: { type: 'boolean', help: 'all keys' },
    'no-wait': { type: 'boolean', help: 'do not wait for the owners' },
    timeout: { type: 'string', value: 'duration', help: 'how long to wait (default 60s)' },
  },
  examples: ['parked requeue --key 4f5c2d0e-…', 'parked requeue --all'],
  async run(call) {
    const timeoutMs = parseDuration('--timeout', call.flags.text('timeout') ?? '60s');
    const { keys } = await countParkedEvents(call.pool, choice(call));
    if (keys.length === 0) throw nothingParked();
    await refuseForeignCursors(call);
    const events = await requeueKeys(call.pool, keys);
    if (call.flags.isSet('no-wait')) {
      call.terminal.answer({ keys, requeued_events: events }, `requeued: ${counted(events, 'event')}`);
      return EXIT.ok;
    }
    const refused = await untilSettled(call, keys, timeoutMs);
    call.terminal.answer(
      {
        keys,
        requeued_events: events,
        published_events: Math.max(0, events - refused),
        parked_events: refused,
      },
      refused === 0
        ? `published: ${counted(events, 'event')} of ${counted(keys.length, 'key')}`
        : `refused again: ${counted(refused, 'event')} stay parked; outboxctl parked list tells the cause`,
    );
    return refused === 0 ? EXIT.ok : EXIT.failed;
  },
};

export const parkedDiscard: Command = {
  name: 'parked discard',
  synopsis: '<event id> | --key <key>',
  maxPositionals: 1,
  summary: 'Give parked events up for good',
  details:
    'They will never be in the topic; which they were stays in the table discarded_event. The events that wait behind\n' +
    'a discarded one stay parked until outboxctl parked requeue.',
  options: { key: KEY_OPTION },
  examples: ['parked discard 0199aa10-5a5e-7cf1-8f0e-2f7d8c0d6b11', 'parked discard --key 4f5c2d0e-… --yes'],
  async run(call) {
    const chosen = choice(call);
    const { events, requeued, keys } = await countParkedEvents(call.pool, chosen);
    if (events === 0) throw nothingParked();
    if (requeued > 0)
      throw new CommandError('they are being published again: wait, and look at outboxctl parked list');
    const question = `Give up ${counted(events, 'event')} of key ${keys.join(', ')} for good?`;
    if (!(await call.terminal.confirm(question, call.signal))) throw new CommandError('not confirmed');
    const discarded = await discardEvents(call.pool, chosen);
    const { events: left } = await countParkedEvents(call.pool, { keys });
    call.terminal.answer(
      { keys, discarded_events: discarded, parked_events: left },
      `discarded: ${counted(discarded, 'event')}`,
    );
    if (left > 0) {
      call.terminal.say(`${counted(left, 'event')} behind: outboxctl parked requeue --key ${keys[0] ?? ''}`);
    }
    return EXIT.ok;
  },
};

/** How many events of the keys are still parked once none of them is to be published again. */
async function untilSettled(call: Call, keys: readonly string[], timeoutMs: number): Promise<number> {
  const state = await pollUntil({
    look: () => countParkedEvents(call.pool, { keys }),
    isDone: ({ requeued }) => requeued === 0,
    describe: ({ requeued }) => `${counted(requeued, 'event')} to be published`,
    leftBehind:
      'they stay requeued, and are published when their owner can; outboxctl parked list shows them',
    timeoutMs,
    terminal: call.terminal,
    signal: call.signal,
  });
  return state.events;
}

function choice({ positionals, flags }: Call): ParkedChoice {
  const [eventId] = positionals;
  const key = flags.text('key');
  const given = [eventId, key, flags.isSet('all') ? 'all' : undefined].filter((value) => value !== undefined);
  if (given.length !== 1) throw new UsageError('name one event by its id, or one key with --key');
  if (eventId !== undefined) return { eventId: parseUuid('the event id', eventId) };
  return key === undefined ? { all: true } : { keys: [key] };
}

function nothingParked(): CommandError {
  return new CommandError('nothing of it is parked: outboxctl parked list shows what is');
}

function keyJson(key: ParkedKey) {
  return {
    partition: key.partition,
    key: key.key,
    events: key.events,
    parked_at: key.parkedAt,
    requeued_at: key.requeuedAt ?? null,
    first_event_id: key.firstEventId,
    event_type: key.eventType,
    cause: key.cause,
  };
}

function eventJson(event: ParkedEvent) {
  return {
    event_id: event.eventId,
    seq: event.seq,
    partition: event.partition,
    key: event.key,
    event_type: event.eventType,
    headers: event.headers,
    payload: event.payload,
    created_at: event.createdAt,
    cause: event.cause,
    parked_at: event.parkedAt,
    requeued_at: event.requeuedAt ?? null,
  };
}
