import type {
  CloseWatcherRequest,
  ListWatchersRequest,
  ListWatchersResponse,
  OrderStreamAdminServiceDefinition,
  Watcher,
} from '@order-events/order-stream';
import type { Logger } from '@order-events/runtime';
import type { ServiceImplementation } from 'nice-grpc';
import { StreamError } from '../stream-error.ts';
import type { RegisteredWatch } from '../watch/registered-watch.ts';
import type { WatchRegistry } from '../watch/watch-registry.ts';
import { readFields } from './request-fields.ts';

const DEFAULT_PAGE_SIZE = 100;
/** Longer pages are cut to this: one answer must stay small. */
const MAX_PAGE_SIZE = 1_000;

/** What operators can see and do of the streams of this process. */
export function createAdminService(options: {
  readonly watches: WatchRegistry;
  readonly log: Logger;
}): ServiceImplementation<typeof OrderStreamAdminServiceDefinition> {
  const { watches, log } = options;
  return {
    listWatchers: (request) => Promise.resolve(listWatchers(request, watches)),
    closeWatcher({ watcherId }: CloseWatcherRequest, { peer }) {
      const watch = watches.find(watcherId);
      if (!watch) throw new StreamError('WATCHER_NOT_FOUND', 'this replica has no stream of this id');
      log.info({ watcherId, peer: watch.peer, operator: peer }, 'closing a stream for an operator');
      const message = 'an operator has ended this stream: go on with the resume token, on any server';
      watches.end(watch, 'CLOSED_BY_OPERATOR', message);
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
  const page: RegisteredWatch[] = [];
  for (const watch of watches.list()) {
    if (watch.sequence <= after) continue;
    if (page.length === size) return { watchers: page.map(describe), nextPageToken: tokenAfter(page) };
    page.push(watch);
  }
  return { watchers: page.map(describe), nextPageToken: '' };
}

/** The sequence number that the page starts after. */
function checkedPage(pageSize: number, pageToken: string): number {
  return readFields('', (refuse) => {
    if (pageSize < 0) refuse('page_size', 'must not be negative');
    if (!/^\d{0,15}$/.test(pageToken)) refuse('page_token', 'must be next_page_token of the page before');
    return Number(pageToken);
  });
}

function tokenAfter(page: readonly RegisteredWatch[]): string {
  return String(page.at(-1)?.sequence ?? 0);
}

function describe(watch: RegisteredWatch): Watcher {
  const blockedSinceMs = watch.blockedSinceMs();
  return {
    watcherId: watch.id,
    peer: watch.peer,
    principal: '',
    subscription: watch.subscription,
    filter: watch.filter,
    backlogEvents: watch.backlog(),
    deliveredEvents: BigInt(watch.deliveredEvents()),
    blockedSinceTime:
      blockedSinceMs === undefined ? undefined : new Date(Date.now() - performance.now() + blockedSinceMs),
    startTime: watch.startedAt,
  };
}
