import { createBackoff } from '@order-events/runtime/backoff';
import { sleep } from '@order-events/runtime/sleep';
import { Order, type OrderEvent, type WatchOrdersResponse } from './gen/orders/v1/order_stream.ts';
import type { FollowedItem } from './followed-item.ts';
import { createFollowedVersions, type FollowedVersions, type KnownOrder } from './followed-versions.ts';
import { followCheckpoint, tokenOfCheckpoint } from './follow-checkpoint.ts';
import {
  type ListFilter,
  listQueries,
  type ListedOrder,
  OrderListAwayError,
  OrderListError,
  type OrderListOptions,
  readListPage,
} from './order-list.ts';
import { OrderStreamError } from './order-stream-error.ts';
import { DEFAULT_MAX_RETRY_DELAY_MS, DEFAULT_MIN_RETRY_DELAY_MS } from './reconnecting-stream.ts';
import type { OrderWatch, WatchStreamOptions } from './watch-stream.ts';

/** What following can be told, wherever it runs. `token` is sent with the requests of the list as well. */
export interface FollowStreamOptions
  extends
    Omit<WatchStreamOptions, 'filter' | 'start' | 'allowGap' | 'untilCaughtUp'>,
    Pick<OrderListOptions, 'api' | 'token' | 'fetch' | 'pageSize'> {
  /** Which orders; default all. */
  readonly filter?: ListFilter;
  /**
   * Where to go on after a restart, and every order that was in the view then: what was stored. Those that have left it since the checkpoint
   * come again unless they are given too.
   */
  readonly resume?: {
    readonly checkpoint: string;
    readonly orders: Iterable<KnownOrder>;
    readonly left?: Iterable<KnownOrder>;
  };
  /** Most orders that are remembered, by id and version; default 1,000,000. With more it throws a TooManyOrdersError. */
  readonly maxOrders?: number;
}

const DEFAULT_MAX_ORDERS = 1_000_000;
/** Of refusals of a stream those after which what was missed has to be read from the list. */
const LOST_PLACE: ReadonlySet<string | undefined> = new Set([
  'RESUME_TOKEN_EXPIRED',
  'RESUME_TOKEN_AHEAD',
  'RESUME_TOKEN_FOREIGN',
  'EVENTS_UNREADABLE',
]);

/** Opens a watch of these orders from there, with what else it was told. */
export type OpenWatch = (which: Pick<WatchStreamOptions, 'filter' | 'start'>) => OrderWatch;

/** Follows by the watch of whatever connects: see followOrders. */
export async function* followStream(
  options: FollowStreamOptions,
  watch: OpenWatch,
): AsyncGenerator<FollowedItem, void, undefined> {
  const { filter = {}, resume, signal } = options;
  const versions = createFollowedVersions(options.maxOrders ?? DEFAULT_MAX_ORDERS, resume);
  const backoff = createRetryPause(options);
  let token = resume && tokenOfCheckpoint(resume.checkpoint, filter);
  let cause: unknown;
  while (!signal?.aborted) {
    try {
      if (token === undefined) {
        yield { kind: 'listing', cause, checkpoint: followCheckpoint(undefined, filter) };
        token = await registeredToken(options, watch);
        if (token === undefined) return;
        yield* list(versions, options);
        if (signal?.aborted) return;
        yield { kind: 'progress', checkpoint: followCheckpoint(token, filter) };
      }
      for await (const item of told(token, versions, options, watch)) {
        if (item.kind === 'complete') backoff.reset();
        yield item;
      }
      return;
    } catch (error) {
      if (!(error instanceof OrderStreamError) || !LOST_PLACE.has(error.reason)) throw error;
      [token, cause] = [undefined, error];
      await backoff.wait(error);
    }
  }
}

function watchFilter({ filter = {} }: FollowStreamOptions): NonNullable<WatchStreamOptions['filter']> {
  return { ...filter, matchPreviousStatus: true };
}

/** Registers a watch and leaves it: its token keeps the place in the log. Undefined when the signal aborts. */
async function registeredToken(options: FollowStreamOptions, watch: OpenWatch): Promise<string | undefined> {
  for await (const { resumeToken } of watch({ filter: watchFilter(options) })) return resumeToken;
  return undefined;
}

async function* told(
  token: string,
  versions: FollowedVersions,
  options: FollowStreamOptions,
  watch: OpenWatch,
): AsyncGenerator<FollowedItem, void, undefined> {
  const { filter = {} } = options;
  let before = followCheckpoint(token, filter);
  let isComplete = false;
  const start = { $case: 'resumeToken', value: token } as const;
  for await (const { events, resumeToken, signal } of watch({ filter: watchFilter(options), start })) {
    const checkpoint = followCheckpoint(resumeToken, filter);
    for (const event of events) {
      const item = itemOfEvent(event, versions, filter);
      // The token stands after all events of the message.
      if (item) yield { ...item, checkpoint: before };
    }
    const isReached: boolean = !isComplete && signal?.$case === 'caughtUp';
    isComplete ||= isReached;
    const completeThroughTime = throughTimeOf(signal);
    yield { kind: isReached ? 'complete' : 'progress', checkpoint, completeThroughTime };
    before = checkpoint;
  }
}

function throughTimeOf(signal: WatchOrdersResponse['signal']): Date | undefined {
  return signal?.$case === 'heartbeat' || signal?.$case === 'caughtUp'
    ? signal.value.completeThroughTime
    : undefined;
}

type Told = Extract<FollowedItem, { kind: 'order' | 'left' }>;
type Untold<Item> = Item extends unknown ? Omit<Item, 'checkpoint'> : never;

function itemOfEvent(
  event: OrderEvent,
  versions: FollowedVersions,
  { statuses = [] }: ListFilter,
): Untold<Told> | undefined {
  const { orderId, orderVersion, order = Order.fromPartial({}) } = event;
  const matches = statuses.length === 0 || statuses.includes(event.status);
  const outcome = versions.event({ orderId, orderVersion, matches });
  if (outcome === 'left') return { kind: 'left', orderId, orderVersion, order };
  return outcome && { kind: 'order', orderId, orderVersion, order, event };
}

/** The list, as far as it is news, and what has become of orders that are not in it. */
async function* list(
  versions: FollowedVersions,
  options: FollowStreamOptions,
): AsyncGenerator<FollowedItem, void, undefined> {
  const { filter = {}, signal } = options;
  const checkpoint = followCheckpoint(undefined, filter);
  versions.beginList();
  const tell = ({ order, orderVersion }: ListedOrder, matches: boolean): FollowedItem | undefined => {
    const { orderId } = order;
    const outcome = versions.listed({ orderId, orderVersion, matches });
    if (outcome === 'left') return { kind: 'left', orderId, orderVersion, order, checkpoint };
    return outcome && { kind: 'order', orderId, orderVersion, order, checkpoint };
  };
  for (const query of listQueries(filter)) {
    for await (const listed of readList(query, options)) {
      const item = tell(listed, true);
      if (item) yield item;
    }
  }
  const isWanted = ({ order }: ListedOrder) =>
    !filter.statuses?.length || filter.statuses.includes(order.status);
  const unlisted = versions.unlisted();
  if (unlisted.length === 0) return;
  for (const query of listQueries({ orderIds: unlisted })) {
    for await (const listed of readList(query, options)) {
      const item = tell(listed, isWanted(listed));
      if (item) yield item;
    }
  }
  if (signal?.aborted) return;
  for (const orderId of versions.unlisted()) {
    const orderVersion = versions.gone(orderId);
    if (orderVersion !== undefined)
      yield { kind: 'left', orderId, orderVersion, order: undefined, checkpoint };
  }
}

/** All pages, each as often as it takes. Ends early when the signal aborts. */
async function* readList(
  query: string,
  options: FollowStreamOptions,
): AsyncGenerator<ListedOrder, void, undefined> {
  const backoff = createRetryPause(options);
  let pageToken: string | undefined;
  while (!options.signal?.aborted) {
    try {
      const page = await readListPage(query, pageToken, options);
      backoff.reset();
      yield* page.orders;
      if (page.nextPageToken === undefined) return;
      pageToken = page.nextPageToken;
    } catch (error) {
      if (options.signal?.aborted) return;
      const isAway = error instanceof OrderListAwayError;
      // Another replica may seal page tokens otherwise: then the list is read from its first page.
      const isStale = error instanceof OrderListError && error.status === 400 && pageToken !== undefined;
      if (!isAway && !isStale) throw error;
      if (isStale) pageToken = undefined;
      await backoff.wait(error, isAway ? error.retryAfterMs : 0);
    }
  }
}

/** Jittered pauses that grow, each told to the caller. */
function createRetryPause({ signal, onInterruption, ...options }: FollowStreamOptions) {
  const backoff = createBackoff({
    baseMs: options.minRetryDelayMs ?? DEFAULT_MIN_RETRY_DELAY_MS,
    maxMs: options.maxRetryDelayMs ?? DEFAULT_MAX_RETRY_DELAY_MS,
  });
  return {
    reset: () => backoff.reset(),
    async wait(cause: unknown, atLeastMs = 0): Promise<void> {
      const delayMs = Math.max(backoff.nextDelayMs(), atLeastMs);
      onInterruption?.(cause, delayMs);
      await sleep(delayMs, signal);
    },
  };
}
