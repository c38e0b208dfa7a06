import {
  type DiscardedEvent,
  type HeldOrder,
  type OrderEvent,
  orderEventTypeToJSON,
  orderStatusToJSON,
  type UnreadableHeldRecord,
} from '@order-events/order-stream';
import { parsePositive } from '../argument-value.ts';
import type { Call, Command } from '../command.ts';
import { CommandError, EXIT, UsageError } from '../outcome.ts';
import { counted, printable, textTable } from '../text-table.ts';
import { unreadableJson, unreadableText } from './held-unreadable.ts';

export const PENDING = 'stored: the next stream of the subscription that has the order does it first';

export const heldList: Command = {
  name: 'held list',
  synopsis: '<subscription>',
  maxPositionals: 1,
  needsNoDatabase: true,
  summary: 'List the orders that a subscription holds',
  details:
    'An event that a consumer rejects holds its order for the subscription: its later events wait behind it, in order. All\n' +
    'other orders go on. Asks any gateway, whether consumers are connected or not.',
  options: { limit: { type: 'string', value: 'n', help: 'how many orders to show (default 100)' } },
  examples: ['held list warehouse', 'held list warehouse --json | jq -r ".orders[].order_id"'],
  async run(call) {
    const limit = parsePositive('--limit', call.flags.text('limit') ?? '100');
    const subscription = subscriptionOf(call);
    const { orders, isCut, unreadable, unreadableCount } = await readOrders(call, subscription, limit);
    const table = textTable(
      ['ORDER', 'PARTITION', 'EVENTS', 'FIRST EVENT', 'ATTEMPTS', 'STATE', 'REASON'],
      orders.map((order) => [
        ...[order.orderId, order.partition, order.eventCount, order.firstEventId, order.attempts],
        order.setAside ? 'set aside' : `again at ${order.retryTime?.toISOString() ?? ''}`,
        order.reason,
      ]),
    );
    call.terminal.answer(
      {
        orders: orders.map(orderJson),
        more: isCut,
        unreadable: unreadable.map(unreadableJson),
        unreadable_count: unreadableCount,
      },
      orders.length === 0 ? 'nothing is held' : table,
    );
    if (isCut) call.terminal.say(`there are more: --limit ${limit * 10} shows more of them`);
    if (unreadableCount > 0n) call.terminal.say(unreadableText(subscription, unreadable, unreadableCount));
    return EXIT.ok;
  },
};

export const heldShow: Command = {
  name: 'held show',
  synopsis: '<subscription> <order id>',
  maxPositionals: 2,
  needsNoDatabase: true,
  summary: 'Show the events that are held of an order',
  details: 'In the order in which they would be sent.',
  examples: ['held show warehouse 4f5c2d0e-…'],
  async run(call) {
    const subscription = subscriptionOf(call);
    const orderId = orderOf(call);
    const { orders } = await call.gateway.call((client) =>
      client.listHeldOrders({ subscription, orderId }, { signal: call.signal }),
    );
    const [order] = orders;
    if (!order) throw nothingHeld(subscription);
    const text = order.events.map(
      (event) =>
        `event      ${event.eventId}  ${orderEventTypeToJSON(event.eventType)}  version ${event.orderVersion}  ` +
        `partition ${event.partition}  offset ${event.offset}`,
    );
    call.terminal.answer(
      { ...orderJson(order), events: order.events.map(eventJson) },
      [`order      ${order.orderId}`, `reason     ${printable(order.reason) || '-'}`, ...text].join('\n'),
    );
    return EXIT.ok;
  },
};

export const heldRequeue: Command = {
  name: 'held requeue',
  synopsis: '<subscription> <order id> | --all',
  maxPositionals: 2,
  needsNoDatabase: true,
  summary: 'Send held orders again, with their attempts forgiven',
  details:
    'Whichever stream of the subscription has the order does it, within seconds; without one the next one does.\n' +
    '--all: all orders that were set aside.',
  options: { all: { type: 'boolean', help: 'all orders that were set aside' } },
  examples: ['held requeue warehouse 4f5c2d0e-…', 'held requeue warehouse --all'],
  async run(call) {
    const subscription = subscriptionOf(call);
    const orderId = call.flags.isSet('all') ? '' : orderOf(call);
    if (orderId === '' && call.positionals.length > 1) throw new UsageError('name one order, or --all');
    const { requeuedOrders, pending } = await call.gateway.call((client) =>
      client.requeueHeldOrders({ subscription, orderId }, { signal: call.signal }),
    );
    call.terminal.answer(
      { requeued_orders: requeuedOrders, pending },
      `requeued: ${counted(requeuedOrders, 'order')}`,
    );
    if (pending) call.terminal.say(PENDING);
    return EXIT.ok;
  },
};

export const heldDiscard: Command = {
  name: 'held discard',
  synopsis: '<subscription> <order id>',
  maxPositionals: 2,
  needsNoDatabase: true,
  summary: 'Give held events up: consumers of the subscription never get them',
  details: 'All that are held of the order now, or one of them. Answers which events consumers miss.',
  options: { event: { type: 'string', value: 'event id', help: 'only this one' } },
  examples: [
    'held discard warehouse 4f5c2d0e-…',
    'held discard warehouse 4f5c2d0e-… --event 0199aa10-… --yes',
  ],
  async run(call) {
    const subscription = subscriptionOf(call);
    const orderId = orderOf(call);
    const eventId = call.flags.text('event') ?? '';
    const { orders } = await call.gateway.call((client) =>
      client.listHeldOrders({ subscription, orderId }, { signal: call.signal }),
    );
    const events = (orders[0]?.events ?? []).filter((event) => eventId === '' || event.eventId === eventId);
    if (events.length === 0) throw nothingHeld(subscription);
    const question = `Give up ${counted(events.length, 'event')} of order ${orderId} for ${subscription}? Its consumers miss them.`;
    if (!(await call.terminal.confirm(question, call.signal))) throw new CommandError('not confirmed');
    const given = await call.gateway.call((client) =>
      client.discardHeldEvents({ subscription, orderId, eventId }, { signal: call.signal }),
    );
    const missed = given.events.map(({ eventId: id, orderVersion }) => `${id}  version ${orderVersion}`);
    call.terminal.answer(
      {
        discarded_events: given.discardedEvents,
        pending: given.pending,
        events: given.events.map(missedJson),
      },
      [`discarded: ${counted(given.discardedEvents, 'event')}`, ...missed].join('\n'),
    );
    if (given.pending) call.terminal.say(PENDING);
    return EXIT.ok;
  },
};

async function readOrders(call: Call, subscription: string, limit: number) {
  const orders: HeldOrder[] = [];
  let pageToken = '';
  let unreadable: readonly UnreadableHeldRecord[] = [];
  let unreadableCount = 0n;
  do {
    const pageSize = Math.min(1_000, limit - orders.length);
    const page = await call.gateway.call((client) =>
      client.listHeldOrders({ subscription, pageSize, pageToken }, { signal: call.signal }),
    );
    orders.push(...page.orders);
    ({ unreadable, unreadableCount } = page);
    pageToken = page.nextPageToken;
  } while (pageToken !== '' && orders.length < limit);
  return { orders, isCut: pageToken !== '', unreadable, unreadableCount };
}

export function subscriptionOf({ positionals: [subscription] }: Call): string {
  if (subscription === undefined) throw new UsageError('name the subscription');
  return subscription;
}

function orderOf({ positionals: [, orderId] }: Call): string {
  if (orderId === undefined) throw new UsageError('name the order by its id');
  return orderId;
}

function nothingHeld(subscription: string): CommandError {
  return new CommandError(`nothing of it is held: outboxctl held list ${subscription} shows what is`);
}

function orderJson(order: HeldOrder) {
  return {
    order_id: order.orderId,
    partition: order.partition,
    event_count: order.eventCount,
    first_event_id: order.firstEventId,
    attempts: order.attempts,
    reason: order.reason,
    set_aside: order.setAside,
    retry_at: order.retryTime ?? null,
  };
}

function eventJson(event: OrderEvent) {
  return {
    event_id: event.eventId,
    event_type: orderEventTypeToJSON(event.eventType),
    order_version: event.orderVersion,
    status: orderStatusToJSON(event.status),
    occurred_at: event.occurTime ?? null,
    partition: event.partition,
    log_offset: event.offset,
  };
}

function missedJson(event: DiscardedEvent) {
  return {
    event_id: event.eventId,
    order_id: event.orderId,
    order_version: event.orderVersion,
    event_type: orderEventTypeToJSON(event.eventType),
  };
}
