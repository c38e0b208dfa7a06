import {
  GroupHasForeignMembersError,
  GroupHasMembersError,
  GroupNotFoundError,
  type GroupOffsets,
  type LogEnds,
  type LogReader,
} from '@order-events/messaging';
import { sleep } from '@order-events/runtime';
import type { OrderLogView } from '../log/order-log.ts';
import { createSlots } from '../stream/slots.ts';
import type { EventFilter } from '../log/event-filter.ts';
import { encodeResumeToken, resumePoint } from '../position/resume-token.ts';
import { latestTimeMs, locateInLog, type StartPosition, startPoint } from '../position/start-position.ts';
import { readOlderGroup } from './older-group.ts';
import { filterOf, type SubscriptionPlace, toCommit, withFilter } from './open-place.ts';
import { sourceUnavailable, subscriptionError, subscriptionNotFound } from './subscription-error.ts';
import { filterMetadata } from './subscription-filter.ts';
import type { SubscriptionLags } from './subscription-lags.ts';
import { olderGroupId, subscriptionGroupId } from './subscription-name.ts';
import { backlogAfter, committedPosition } from './subscription-position.ts';
import { createSubscriptionStore, type StoredSubscription } from './subscription-store.ts';

export interface SubscriptionState {
  readonly name: string;
  /** Of all partitions. */
  readonly committedToken: string;
  /** Records after it, before filtering, of the partitions that Kafka can be asked about. */
  readonly backlogEvents: bigint;
  /** Streams on all replicas. */
  readonly members: number;
  /** When the log took the oldest of those records; undefined as long as it is not known. */
  readonly oldestLogTimeMs: number | undefined;
}

/** A part of all subscriptions, in the order of their names. */
export interface SubscriptionPage {
  readonly subscriptions: readonly SubscriptionState[];
  /** Name that the next page comes after; undefined when this is the last one. */
  readonly nextAfter: string | undefined;
}

/** What is undefined stays as it is. */
export interface SubscriptionChange {
  readonly position: StartPosition | undefined;
  readonly filter: Pick<EventFilter, 'key'> | undefined;
}

/**
 * Durable subscriptions from outside: each is a consumer group of Kafka, which alone keeps them. All calls throw a StreamError, among
 * them SUBSCRIPTION_NOT_FOUND, SUBSCRIPTION_HAS_MEMBERS and SOURCE_UNAVAILABLE, and end when `signal` aborts.
 */
export interface Subscriptions {
  get(name: string, signal: AbortSignal): Promise<SubscriptionState>;
  /** The first `size` whose names come after `after`, of those that are visible. */
  list(
    after: string,
    size: number,
    signal: AbortSignal,
    isVisible?: (name: string) => boolean,
  ): Promise<SubscriptionPage>;
  /** Changes one without members, in one step. Throws as well what locateInLog has against the position. */
  seek(name: string, change: SubscriptionChange, signal: AbortSignal): Promise<SubscriptionState>;
  /** Forgets one without members. */
  delete(name: string, signal: AbortSignal): Promise<void>;
}

export interface SubscriptionSources {
  readonly offsets: GroupOffsets;
  readonly log: Pick<OrderLogView, 'topic' | 'source' | 'floor' | 'end'>;
  readonly reader: Pick<LogReader, 'ends' | 'place'>;
  readonly lags: Pick<SubscriptionLags, 'oldestLogTimeMs'>;
  /** Told what a call fails with when Kafka is to blame. */
  readonly onReadFailure: (error: unknown) => void;
}

const DEADLINE_MS = 10_000;
/** Subscriptions that Kafka is asked about, whoever wants to know: a page has up to 200. */
const ASKED_AT_ONCE = 8;
/** The last member has left, and Kafka has not finished the rebalance that follows yet. */
const EMPTYING_RETRY_MS = 50;
const EMPTYING_ATTEMPTS = 20;

export function createSubscriptions(sources: SubscriptionSources): Subscriptions {
  const { offsets, log, reader, lags, onReadFailure } = sources;
  const store = createSubscriptionStore(offsets);
  const slots = createSlots(ASKED_AT_ONCE);

  /** Fails at once while Kafka is known to be away: requests would only find out after their time-outs. */
  async function answer<T>(
    name: string,
    client: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (!log.topic() || !log.source().available) throw sourceUnavailable();
    try {
      return await work(AbortSignal.any([client, AbortSignal.timeout(DEADLINE_MS)]));
    } catch (error: unknown) {
      if (client.aborted) throw error;
      throw subscriptionError(name, error, onReadFailure);
    }
  }

  async function stateOf(
    name: string,
    ends: LogEnds,
    signal: AbortSignal,
  ): Promise<SubscriptionState | undefined> {
    const found = await slots.run(() => store.read(name, signal), signal);
    if (!found) return undefined;
    const { next, logTimeMs } = committedPosition(found.committed, ends);
    return {
      name,
      committedToken: encodeResumeToken(resumePoint(ends.topicId, next, logTimeMs)),
      backlogEvents: backlogAfter(next, ends),
      members: found.members + found.olderMembers,
      oldestLogTimeMs: lags.oldestLogTimeMs(name, ends.topicId, next),
    };
  }

  async function existing(name: string, signal: AbortSignal): Promise<SubscriptionState> {
    const state = await stateOf(name, await reader.ends(signal), signal);
    if (!state) throw subscriptionNotFound(name);
    return state;
  }

  /** Repeats what Kafka refuses because of members while there are none. */
  async function withoutMembers(
    name: string,
    signal: AbortSignal,
    work: (found: StoredSubscription, groupId: string) => Promise<void>,
  ): Promise<void> {
    const groupId = subscriptionGroupId(offsets.topic, name);
    for (let attempt = 1; ; attempt += 1) {
      const found = await store.read(name, signal);
      if (!found) throw subscriptionNotFound(name);
      if (found.foreignClients.length > 0)
        throw new GroupHasForeignMembersError(groupId, found.foreignClients);
      if (found.members + found.olderMembers > 0) throw new GroupHasMembersError(groupId);
      try {
        return await work(found, groupId);
      } catch (error: unknown) {
        if (!(error instanceof GroupHasMembersError) || attempt === EMPTYING_ATTEMPTS) throw error;
      }
      await sleep(EMPTYING_RETRY_MS, signal);
      signal.throwIfAborted();
    }
  }

  async function locate(to: StartPosition, signal: AbortSignal): Promise<SubscriptionPlace> {
    if (to.kind === 'latest') {
      const { latest } = await reader.ends(signal);
      // The tail may be a moment behind the end of the log, but not where nobody can append.
      const next = latest.map((end, partition) => end ?? log.end(partition));
      return { next, logTimeMs: latestTimeMs(Date.now()) };
    }
    const { cursor, logTimeMs } = await locateInLog(
      startPoint(to, log, Date.now()),
      reader,
      { allowGap: false },
      signal,
    );
    return { next: cursor, logTimeMs };
  }

  return {
    get: (name, client) => answer(name, client, (signal) => existing(name, signal)),

    list: (after, size, client, isVisible = () => true) =>
      answer('', client, async (signal) => {
        const rest = (await store.names(signal)).filter((name) => name > after && isVisible(name));
        const ends = await reader.ends(signal);
        const subscriptions: SubscriptionState[] = [];
        let seen = 0;
        while (seen < rest.length && subscriptions.length < size) {
          const names = rest.slice(seen, seen + size - subscriptions.length);
          const states = await Promise.all(names.map((name) => stateOf(name, ends, signal)));
          // One that is another topic's, or was deleted meanwhile, is left out.
          subscriptions.push(...states.filter((state) => state !== undefined));
          seen += names.length;
        }
        return { subscriptions, nextAfter: seen < rest.length ? rest[seen - 1] : undefined };
      }),

    seek: (name, { position, filter }, client) =>
      answer(name, client, async (signal) => {
        await existing(name, signal);
        const target = position && (await locate(position, signal));
        await withoutMembers(name, signal, async ({ committed }, groupId) => {
          const [kept] = committed.values();
          const filterName = filter ? filterMetadata(filter) : filterOf(kept?.metadata ?? '');
          const places = target ? toCommit(target, filterName) : renamed(committed, filterName);
          if (places.size === 0) throw subscriptionNotFound(name);
          const next = new Map(Array.from(places, ([partition, { offset }]) => [partition, offset]));
          await offsets.commit(groupId, next, (each) => places.get(each)?.metadata ?? '', signal);
        });
        return existing(name, signal);
      }),

    delete: (name, client) =>
      answer(name, client, (signal) =>
        withoutMembers(name, signal, async (_, groupId) => {
          // The older group first: its position must not come back once the newer one is gone.
          const older = await readOlderGroup(offsets, name, signal);
          if (older.committed.size > 0) await offsets.delete(olderGroupId(name), signal);
          await offsets.delete(groupId, signal).catch(unlessNotFound);
        }),
      ),
  };
}

/** The same places with another filter. */
function renamed(
  committed: StoredSubscription['committed'],
  filterName: string,
): StoredSubscription['committed'] {
  return new Map(
    Array.from(committed, ([partition, place]) => [
      partition,
      { offset: place.offset, metadata: withFilter(place, filterName) },
    ]),
  );
}

function unlessNotFound(error: unknown): void {
  if (!(error instanceof GroupNotFoundError)) throw error;
}
