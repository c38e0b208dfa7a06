import { type GroupOffsets, GroupHasMembersError, type LogReader } from '@order-events/messaging';
import { sleep } from '@order-events/runtime';
import type { LogTopic, OrderLogView } from '../log/order-log.ts';
import { encodeResumeToken } from '../watch/resume-token.ts';
import { byPartition, locateInLog, type StartPosition, startPoint } from '../watch/start-position.ts';
import { sourceUnavailable, subscriptionError, subscriptionNotFound } from './subscription-error.ts';
import { subscriptionGroupId, subscriptionOfGroup } from './subscription-name.ts';
import { backlogAfter, committedPosition, type LogEnds } from './subscription-position.ts';

export interface SubscriptionState {
  readonly name: string;
  /** Of all partitions. */
  readonly committedToken: string;
  /** Records after it, before filtering. */
  readonly backlogEvents: bigint;
  /** Streams on all replicas. */
  readonly members: number;
}

/** A part of all subscriptions, in the order of their names. */
export interface SubscriptionPage {
  readonly subscriptions: readonly SubscriptionState[];
  /** Name that the next page comes after; undefined when this is the last one. */
  readonly nextAfter: string | undefined;
}

/**
 * Durable subscriptions from outside: each is a consumer group of Kafka, which alone keeps them. All calls throw a StreamError, among
 * them SUBSCRIPTION_NOT_FOUND, SUBSCRIPTION_HAS_MEMBERS and SOURCE_UNAVAILABLE, and end when `signal` aborts.
 */
export interface Subscriptions {
  get(name: string, signal: AbortSignal): Promise<SubscriptionState>;
  /** The first `size` whose names come after `after`. */
  list(after: string, size: number, signal: AbortSignal): Promise<SubscriptionPage>;
  /** Moves one without members; its filter stays. Throws as well what locateInLog has against the position. */
  seek(name: string, to: StartPosition, signal: AbortSignal): Promise<SubscriptionState>;
  /** Forgets one without members. */
  delete(name: string, signal: AbortSignal): Promise<void>;
}

export interface SubscriptionSources {
  readonly offsets: GroupOffsets;
  readonly log: Pick<OrderLogView, 'topic' | 'source' | 'floor' | 'end'>;
  readonly reader: Pick<LogReader, 'offsets'>;
  /** Told what a call fails with when Kafka is to blame. */
  readonly onReadFailure: (error: unknown) => void;
}

const DEADLINE_MS = 10_000;
/** The last member has left, and Kafka has not finished the rebalance that follows yet. */
const EMPTYING_RETRY_MS = 50;
const EMPTYING_ATTEMPTS = 20;

export function createSubscriptions(sources: SubscriptionSources): Subscriptions {
  const { offsets, log, reader, onReadFailure } = sources;

  /** Fails at once while Kafka is known to be away: requests would only find out after their time-outs. */
  async function answer<T>(
    name: string,
    client: AbortSignal,
    work: (topic: LogTopic, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const topic = log.topic();
    if (!topic || !log.source().available) throw sourceUnavailable();
    try {
      return await work(topic, AbortSignal.any([client, AbortSignal.timeout(DEADLINE_MS)]));
    } catch (error: unknown) {
      if (client.aborted) throw error;
      throw subscriptionError(name, error, onReadFailure);
    }
  }

  /** All partitions are named: the reader may not have heard of those that were added. */
  async function offsetsAt(
    end: 'earliest' | 'latest',
    { partitionCount }: LogTopic,
    signal: AbortSignal,
  ): Promise<bigint[]> {
    return byPartition(await reader.offsets(end, [...Array(partitionCount).keys()], signal));
  }

  async function logEnds(topic: LogTopic, signal: AbortSignal): Promise<LogEnds> {
    const earliest = await offsetsAt('earliest', topic, signal);
    const latest = await offsetsAt('latest', topic, signal);
    return { earliest, latest };
  }

  async function stateOf(
    name: string,
    topic: LogTopic,
    ends: LogEnds,
    signal: AbortSignal,
  ): Promise<SubscriptionState | undefined> {
    const groupId = subscriptionGroupId(name);
    const [group, committed] = await Promise.all([
      offsets.describe(groupId, signal),
      offsets.fetch(groupId, signal),
    ]);
    if (!group) return undefined;
    const next = committedPosition(committed, ends);
    const committedToken = encodeResumeToken({ kind: 'offsets', topicId: topic.id, next });
    return { name, committedToken, backlogEvents: backlogAfter(next, ends), members: group.members };
  }

  async function existing(name: string, topic: LogTopic, signal: AbortSignal): Promise<SubscriptionState> {
    const state = await stateOf(name, topic, await logEnds(topic, signal), signal);
    if (!state) throw subscriptionNotFound(name);
    return state;
  }

  /** Repeats what Kafka refuses because of members while there are none. */
  async function withoutMembers(
    groupId: string,
    signal: AbortSignal,
    work: () => Promise<void>,
  ): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error: unknown) {
        if (!(error instanceof GroupHasMembersError) || attempt === EMPTYING_ATTEMPTS) throw error;
        const group = await offsets.describe(groupId, signal);
        if (group && group.members > 0) throw error;
      }
      await sleep(EMPTYING_RETRY_MS, signal);
      signal.throwIfAborted();
    }
  }

  async function locate(to: StartPosition, topic: LogTopic, signal: AbortSignal): Promise<readonly bigint[]> {
    // The tail may be a moment behind the end of the log.
    if (to.kind === 'latest') return offsetsAt('latest', topic, signal);
    const point = startPoint(to, log, Date.now());
    return (await locateInLog(point, topic.id, reader, false, signal)).cursor;
  }

  return {
    get: (name, client) => answer(name, client, (topic, signal) => existing(name, topic, signal)),

    list: (after, size, client) =>
      answer('', client, async (topic, signal) => {
        const names = (await offsets.list(signal)).flatMap((groupId) => subscriptionOfGroup(groupId) ?? []);
        const rest = names.filter((name) => name > after).toSorted();
        const ends = await logEnds(topic, signal);
        const page = rest.slice(0, size);
        const states = await Promise.all(page.map((name) => stateOf(name, topic, ends, signal)));
        return {
          // One that was deleted meanwhile is left out.
          subscriptions: states.filter((state) => state !== undefined),
          nextAfter: rest.length > size ? page.at(-1) : undefined,
        };
      }),

    seek: (name, to, client) =>
      answer(name, client, async (topic, signal) => {
        const groupId = subscriptionGroupId(name);
        await existing(name, topic, signal);
        const target = await locate(to, topic, signal);
        const [kept] = (await offsets.fetch(groupId, signal)).values();
        const position = new Map(target.entries());
        await withoutMembers(groupId, signal, () =>
          offsets.commit(groupId, position, kept?.metadata ?? '', signal),
        );
        return existing(name, topic, signal);
      }),

    delete: (name, client) =>
      answer(name, client, async (_topic, signal) => {
        const groupId = subscriptionGroupId(name);
        await withoutMembers(groupId, signal, () => offsets.delete(groupId, signal));
      }),
  };
}
