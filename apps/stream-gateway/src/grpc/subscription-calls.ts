import {
  type ListSubscriptionsRequest,
  type OrderStreamServiceImplementation,
  type SeekSubscriptionRequest,
  Subscription,
} from '@order-events/order-stream';
import { coversSubscription } from '@order-events/access';
import { isSubscriptionName, SUBSCRIPTION_NAME_RULE } from '../subscription/subscription-name.ts';
import type { SubscriptionChange, Subscriptions, SubscriptionState } from '../subscription/subscriptions.ts';
import type { Audit } from './audit.ts';
import { type CallerContext, requireSubscription } from './call-access.ts';
import { createEventFilter } from '../log/event-filter.ts';
import { fillPage } from './page.ts';
import { checkFilter, parseStart, readFields, type Refuse } from './request-fields.ts';

type SubscriptionCalls = Pick<
  OrderStreamServiceImplementation<CallerContext>,
  'listSubscriptions' | 'getSubscription' | 'seekSubscription' | 'deleteSubscription'
>;

const DEFAULT_PAGE_SIZE = 50;
/** Longer pages are cut to this: Kafka is asked about each subscription of a page. */
const MAX_PAGE_SIZE = 200;

/**
 * The calls about durable subscriptions, of those that are the caller's. They throw an InvalidRequestError, an AccessError, or as Subscriptions
 * does.
 */
export function createSubscriptionCalls(subscriptions: Subscriptions, audit: Audit): SubscriptionCalls {
  return {
    async listSubscriptions(request, { signal, caller }) {
      const { after, size } = parsePage(request);
      const isVisible = (name: string) => !caller || coversSubscription(caller.principal, name);
      const page = await subscriptions.list(after, size, signal, isVisible);
      const fitting = fillPage(page.subscriptions.map(toMessage), size, bytesOf);
      const nextAfter = fitting.isCut ? fitting.items.at(-1)?.name : page.nextAfter;
      return { subscriptions: fitting.items, nextPageToken: pageToken(nextAfter ?? '') };
    },
    async getSubscription(request, { signal, caller }) {
      const name = parseName(request);
      requireSubscription(caller, name);
      return { subscription: toMessage(await subscriptions.get(name, signal)) };
    },
    async seekSubscription(request, { signal, caller }) {
      const { name, change } = parseSeek(request);
      requireSubscription(caller, name);
      const subscription = toMessage(await subscriptions.seek(name, change, signal));
      audit.done('SeekSubscription', caller?.principal.subject, name);
      return { subscription };
    },
    async deleteSubscription(request, { signal, caller }) {
      const name = parseName(request);
      requireSubscription(caller, name);
      await subscriptions.delete(name, signal);
      audit.done('DeleteSubscription', caller?.principal.subject, name);
      return {};
    },
  };
}

function toMessage({ oldestLogTimeMs, ...state }: SubscriptionState): Subscription {
  const oldest = oldestLogTimeMs === undefined ? undefined : new Date(oldestLogTimeMs);
  return { ...state, oldestUnacknowledgedLogTime: oldest };
}

/** Its token grows with the number of partitions. */
function bytesOf(subscription: Subscription): number {
  return Subscription.encode(subscription).finish().length;
}

function parseName(request: { readonly name: string }): string {
  return readFields('', (refuse) => checkName(request.name, refuse));
}

function checkName(name: string, refuse: Refuse): string {
  if (!isSubscriptionName(name)) refuse('name', SUBSCRIPTION_NAME_RULE);
  return name;
}

function parseSeek(request: SeekSubscriptionRequest): { name: string; change: SubscriptionChange } {
  return readFields('', (refuse) => {
    const name = checkName(request.name, refuse);
    const position = parseStart(request.position, Date.now(), refuse, 'position');
    if (!position && !request.filter) refuse('position', 'must say where to, unless there is a filter');
    checkFilter(request.filter, refuse);
    const isToken = position?.kind === 'token';
    return {
      name,
      change: {
        position: isToken ? { ...position, field: 'position.resume_token' } : position,
        filter: request.filter && createEventFilter(request.filter),
      },
    };
  });
}

function parsePage(request: ListSubscriptionsRequest): { after: string; size: number } {
  return readFields('', (refuse) => {
    if (request.pageSize < 0) refuse('page_size', 'must not be negative');
    const after = Buffer.from(request.pageToken, 'base64url').toString();
    if (pageToken(after) !== request.pageToken || (after !== '' && !isSubscriptionName(after))) {
      refuse('page_token', 'must be next_page_token of the page before');
    }
    return { after, size: Math.min(request.pageSize || DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE) };
  });
}

/** A page goes on after a name, whichever subscriptions have come or gone since. */
function pageToken(lastName: string): string {
  return Buffer.from(lastName).toString('base64url');
}
