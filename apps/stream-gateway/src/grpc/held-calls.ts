import {
  DiscardedEvent,
  type DiscardHeldEventsRequest,
  type DiscardUnreadableHeldRecordRequest,
  HeldOrder,
  type ListHeldOrdersRequest,
  type ListHeldOrdersResponse,
  type RequeueHeldOrdersRequest,
  type UnreadableHeldRecord,
  WatchOrdersResponse,
} from '@order-events/order-stream';
import type { HeldDesk } from '../held/held-desk.ts';
import type { HeldRecord } from '../held/held-order.ts';
import type { UnreadableHeld } from '../held/held-unreadable.ts';
import type { LogEvent } from '../log/log-event.ts';
import { StreamError } from '../stream/stream-error.ts';
import { isSubscriptionName, SUBSCRIPTION_NAME_RULE } from '../subscription/subscription-name.ts';
import type { Audit } from './audit.ts';
import type { CallerContext } from './call-access.ts';
import { fillPage } from './page.ts';
import { readFields } from './request-fields.ts';

interface CallContext extends CallerContext {
  readonly signal: AbortSignal;
}

const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1_000;
/** Of one line of the audit. */
const AUDITED_EVENTS = 100;
/** Of one answer. */
const TOLD_UNREADABLE = 100;

/** What operators can see and decide of held orders. */
export function createHeldCalls(desk: HeldDesk, audit: Audit) {
  return {
    async listHeldOrders(request: ListHeldOrdersRequest, { signal }: CallContext) {
      checkRequest(request);
      const { records, unreadable } = await desk.list(
        request.subscription,
        request.orderId || undefined,
        signal,
      );
      return {
        ...listHeldOrders(request, records),
        unreadable: unreadable.slice(0, TOLD_UNREADABLE).map(describeUnreadable),
        unreadableCount: BigInt(unreadable.length),
      };
    },

    async requeueHeldOrders(request: RequeueHeldOrdersRequest, { caller, signal }: CallContext) {
      checkRequest(request);
      const { subscription, orderId } = request;
      const { events, isPending: pending } = await desk.requeue(subscription, orderId || undefined, signal);
      if (orderId !== '' && events.length === 0) throw notFound();
      audit.done('RequeueHeldOrders', caller?.principal.subject, subscription, { pending });
      return { requeuedOrders: BigInt(events.length), pending };
    },

    async discardHeldEvents(request: DiscardHeldEventsRequest, { caller, signal }: CallContext) {
      checkRequest(request);
      const { subscription, orderId, eventId } = request;
      const served = await desk.discard(subscription, orderId, eventId || undefined, signal);
      if (served.events.length === 0) throw notFound();
      const { isPending: pending } = served;
      const missed = served.events.flatMap(discardedEvent);
      for (let from = 0; from < missed.length; from += AUDITED_EVENTS) {
        const events = missed.slice(from, from + AUDITED_EVENTS).map((event) => DiscardedEvent.toJSON(event));
        audit.done('DiscardHeldEvents', caller?.principal.subject, subscription, { pending, events });
      }
      const { items: events } = fillPage(missed, Number.POSITIVE_INFINITY, bytesOf);
      return { discardedEvents: BigInt(missed.length), pending, events };
    },

    async discardUnreadableHeldRecord(
      request: DiscardUnreadableHeldRecordRequest,
      { caller, signal }: CallContext,
    ) {
      checkRequest(request);
      const { subscription, partition, offset } = request;
      const given = await desk.discardUnreadable(subscription, { partition, offset }, signal);
      const { eventId = '', isPending: pending } = given;
      const place = { partition, offset: String(offset) };
      audit.done('DiscardUnreadableHeldRecord', caller?.principal.subject, subscription, {
        ...{ pending, ...place, eventId },
      });
      return { eventId, pending };
    },
  };
}

function describeUnreadable({
  partition,
  offset,
  eventId = '',
  reason,
}: UnreadableHeld): UnreadableHeldRecord {
  return { partition, offset, eventId, reason };
}

function checkRequest({ subscription }: { readonly subscription: string }): void {
  readFields('', (refuse) => {
    if (!isSubscriptionName(subscription)) refuse('subscription', SUBSCRIPTION_NAME_RULE);
  });
}

function notFound(): StreamError {
  return new StreamError(
    'HELD_ORDER_NOT_FOUND',
    'the subscription does not hold it, or is just being sent it',
  );
}

function discardedEvent({ encoded }: LogEvent): DiscardedEvent[] {
  const { events } = WatchOrdersResponse.decode(encoded);
  return events.map(({ eventId, orderId, orderVersion, eventType }) => ({
    ...{ eventId, orderId, orderVersion, eventType },
  }));
}

const bytesOf = (event: DiscardedEvent) => DiscardedEvent.encode(event).finish().length;

function listHeldOrders(
  request: ListHeldOrdersRequest,
  records: readonly HeldRecord<LogEvent>[],
): Pick<ListHeldOrdersResponse, 'orders' | 'nextPageToken'> {
  const { orderId, pageToken } = request;
  const pageSize = readFields('', (refuse) => {
    if (request.pageSize < 0) refuse('page_size', 'must not be negative');
    return Math.min(request.pageSize || DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
  });
  const orders = Map.groupBy(records, ({ event }) => event.orderId);
  const rest = [...orders.keys()]
    .filter((each) => (orderId === '' ? each > pageToken : each === orderId))
    .toSorted();
  const described = Iterator.from(rest).map((each) => describe(each, orders.get(each) ?? [], orderId !== ''));
  const page = fillPage(described, pageSize, (order) => HeldOrder.encode(order).finish().length);
  return { orders: [...page.items], nextPageToken: page.isCut ? (page.items.at(-1)?.orderId ?? '') : '' };
}

function describe(orderId: string, records: readonly HeldRecord<LogEvent>[], isWhole: boolean): HeldOrder {
  const [head] = records;
  const { isSetAside = false, notBeforeMs = 0 } = head?.state ?? {};
  return {
    orderId,
    partition: head?.event.partition ?? 0,
    eventCount: BigInt(records.length),
    firstEventId: head?.event.eventId ?? '',
    attempts: head?.state.attempts ?? 0,
    reason: head?.state.reason ?? '',
    setAside: isSetAside,
    retryTime: isSetAside ? undefined : new Date(notBeforeMs),
    events: isWhole ? records.flatMap(({ event }) => WatchOrdersResponse.decode(event.encoded).events) : [],
  };
}
