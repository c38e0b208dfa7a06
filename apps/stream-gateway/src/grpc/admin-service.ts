import {
  type CloseWatcherRequest,
  type ListWatchersRequest,
  type ListWatchersResponse,
  type OrderStreamAdminServiceDefinition,
  Watcher,
} from '@order-events/order-stream';
import type { Logger } from '@order-events/runtime';
import type { ServiceImplementation } from 'nice-grpc';
import { StreamError } from '../stream/stream-error.ts';
import type { HeldDesk } from '../held/held-desk.ts';
import type { Audit } from './audit.ts';
import type { CallerContext } from './call-access.ts';
import type { RegisteredWatch } from '../stream/registered-watch.ts';
import type { WatchRegistry } from '../stream/watch-registry.ts';
import { createHeldCalls } from './held-calls.ts';
import { fillPage } from './page.ts';
import { readFields } from './request-fields.ts';

const DEFAULT_PAGE_SIZE = 100;
/** Longer pages are cut to this, and to what one answer may have in bytes. */
const MAX_PAGE_SIZE = 1_000;

/** What operators can see and do: of the streams of this process, and of what subscriptions hold. */
export function createAdminService(options: {
  readonly watches: WatchRegistry;
  readonly heldDesk: HeldDesk;
  readonly audit: Audit;
  readonly log: Logger;
}): ServiceImplementation<typeof OrderStreamAdminServiceDefinition, CallerContext> {
  const { watches, heldDesk, audit, log } = options;
  return {
    listWatchers: (request) => Promise.resolve(listWatchers(request, watches)),
    ...createHeldCalls(heldDesk, audit),
    closeWatcher({ watcherId }: CloseWatcherRequest, { peer, caller }) {
      const watch = watches.find(watcherId);
      if (!watch) throw new StreamError('WATCHER_NOT_FOUND', 'this replica has no stream of this id');
      log.info({ watcherId, peer: watch.peer, operator: peer }, 'closing a stream for an operator');
      const message = 'an operator has ended this stream: go on with the resume token, on any server';
      watches.end(watch, 'CLOSED_BY_OPERATOR', message);
      audit.done('CloseWatcher', caller?.principal.subject, watcherId);
      return Promise.resolve({});
    },
  };
}

/** Streams in the order of their start; a page goes on after the last one of the page before, whichever have ended since. */
function listWatchers(
  { pageSize, pageToken }: ListWatchersRequest,
  watches: Pick<WatchRegistry, 'list'>,
): ListWatchersResponse {
  const after = checkedPage(pageSize, pageToken);
  const size = Math.min(pageSize || DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
  const rest = Iterator.from(watches.list())
    .filter(({ sequence }) => sequence > after)
    .map((watch) => ({ sequence: watch.sequence, message: describe(watch) }));
  const page = fillPage(rest, size, ({ message }) => Watcher.encode(message).finish().length);
  return {
    watchers: page.items.map(({ message }) => message),
    nextPageToken: page.isCut ? String(page.items.at(-1)?.sequence) : '',
  };
}

/** The sequence number that the page starts after. */
function checkedPage(pageSize: number, pageToken: string): number {
  return readFields('', (refuse) => {
    if (pageSize < 0) refuse('page_size', 'must not be negative');
    if (!/^\d{0,15}$/.test(pageToken)) refuse('page_token', 'must be next_page_token of the page before');
    return Number(pageToken);
  });
}

function describe(watch: RegisteredWatch): Watcher {
  const { events: unacknowledgedEvents, oldestSentMs } = watch.unacknowledged();
  return {
    watcherId: watch.id,
    peer: watch.peer,
    principal: watch.caller?.principal.subject ?? '',
    subscription: watch.subscription,
    filter: watch.request.filter,
    backlogEvents: watch.backlog(),
    deliveredEvents: BigInt(watch.deliveredEvents()),
    blockedSinceTime: timeOf(watch.blockedSinceMs()),
    startTime: watch.startedAt,
    unacknowledgedEvents: BigInt(unacknowledgedEvents),
    oldestUnacknowledgedSendTime: timeOf(oldestSentMs),
  };
}

/** Of a moment on the monotonic clock. */
function timeOf(atMs: number | undefined): Date | undefined {
  return atMs === undefined ? undefined : new Date(Date.now() - performance.now() + atMs);
}
