import assert from 'node:assert/strict';
import {
  type CommittedOffset,
  type ConsumerGroups,
  type GroupMemberEvents,
  GroupMembershipLostError,
} from '@order-events/messaging';
import type { ConsumeMessage } from '../src/consume/consume-message.ts';
import { consumeLog, type ConsumeObserver, type ConsumeRequest } from '../src/consume/consumer.ts';
import { subscriptionGroupId } from '../src/subscription/subscription-name.ts';
import type { RegisteredWatch } from '../src/stream/registered-watch.ts';
import { createWatchLifetime } from '../src/stream/watch-lifetime.ts';
import { newWatch } from './test-wire.ts';
import type { WatchedLog } from './watched-log.ts';

const NO_OBSERVER: ConsumeObserver = {
  ...{ acknowledged() {}, committed() {}, missed() {}, groupFailed() {}, waitsForOlder() {} },
  heldUnreadable() {},
};

export interface TestCommit {
  readonly offsets: ReadonlyMap<number, bigint>;
  readonly metadata: string;
  store(): void;
  refuse(): void;
}

/** A consumer group with one member, which the test assigns partitions to; commits wait for the test, or are stored at once. */
export interface TestGroup {
  readonly groups: ConsumerGroups;
  readonly committed: Map<number, CommittedOffset>;
  readonly commits: TestCommit[];
  storesAtOnce: boolean;
  hasLeft(): boolean;
  assign(...partitions: number[]): void;
  revoke(): Promise<void>;
  setAvailable(available: boolean): void;
}

export function createTestGroup(): TestGroup {
  const committed = new Map<number, CommittedOffset>();
  const commits: TestCommit[] = [];
  const joined = Promise.withResolvers<void>();
  let events: GroupMemberEvents | undefined;
  let hasLeft = false;

  function commit(
    offsets: ReadonlyMap<number, bigint>,
    metadata: string | ((partition: number) => string),
  ): Promise<void> {
    const metadataOf = typeof metadata === 'string' ? () => metadata : metadata;
    const answered = Promise.withResolvers<void>();
    const waiting: TestCommit = {
      offsets: new Map(offsets),
      metadata: metadataOf(0),
      store() {
        for (const [partition, offset] of offsets)
          committed.set(partition, { offset, metadata: metadataOf(partition) });
        answered.resolve();
      },
      refuse: () => answered.reject(new GroupMembershipLostError('test')),
    };
    commits.push(waiting);
    if (group.storesAtOnce) waiting.store();
    return answered.promise;
  }

  const told = () => events ?? assert.fail('the stream has not joined');
  const group: TestGroup = {
    groups: {
      offsets: {
        topic: 'test',
        fetch: async (groupId) => new Map(groupId === subscriptionGroupId('test', 'test') ? committed : []),
        commit: () => assert.fail(),
        describe: async () => undefined,
        list: () => assert.fail(),
        delete: () => assert.fail(),
      },
      member(options) {
        ({ events } = options);
        return {
          start: joined.resolve,
          commit,
          commitStart: commit,
          async stop() {
            hasLeft = true;
          },
        };
      },
      close: () => {},
    },
    committed,
    commits,
    storesAtOnce: true,
    hasLeft: () => hasLeft,
    assign(...partitions) {
      void joined.promise.then(() => {
        const known = [...committed].filter(([partition]) => partitions.includes(partition));
        told().onAssigned(partitions, new Map(known));
      });
    },
    revoke: async () => told().onRevoked(),
    setAvailable: (available) => (available ? told().onAvailable() : told().onUnavailable(new Error('away'))),
  };
  return group;
}

export interface OpenConsumer {
  readonly watch: RegisteredWatch;
  /** The next message; fails the test when the stream has ended. */
  next(): Promise<ConsumeMessage>;
  /** The next message must be such a signal. */
  signal(kind: NonNullable<ConsumeMessage['signal']>['kind']): Promise<ConsumeMessage>;
  /** Whether a message has come within a moment in which one would have. */
  isSilent(): Promise<boolean>;
  acknowledge(message: ConsumeMessage): void;
  halfClose(): void;
  /** What the stream ends with, undefined for a good end. */
  end(): Promise<unknown>;
  /** The client goes away. */
  close(): Promise<void>;
}

/** Opens a stream of a subscription on a log and a group that the test has in its hand. */
export function openConsumer(
  { log, watches, sources }: WatchedLog,
  { groups }: TestGroup,
  request: Partial<ConsumeRequest> = {},
): OpenConsumer {
  const client = new AbortController();
  const watch = watches.add(newWatch());
  const lifetime = createWatchLifetime({
    startedAtMs: performance.now(),
    maxAgeMs: 60_000,
    drainWindowMs: () => watches.drainWindowMs(),
  });
  const acks = createAcks();
  const messages = consumeLog(
    {
      subscription: 'test',
      filter: watch.request.matches,
      start: { kind: 'earliest' },
      maxUnacknowledgedEvents: 1_000,
      heartbeatMs: 10_000,
      maxBatchSize: 256,
      ...request,
    },
    acks.received(),
    watch,
    lifetime,
    {
      ...sources,
      groups,
      clientId: 'test',
      ...{ sessionTimeoutMs: 10_000, partitionCheckMs: 30_000 },
      openHeldWriter: () => assert.fail('nothing is held here'),
      heldLimits: { events: 100, bytes: 100_000 },
      observer: NO_OBSERVER,
    },
    client.signal,
  );
  let waiting: Promise<IteratorResult<ConsumeMessage, void>> | undefined;
  async function next(): Promise<ConsumeMessage> {
    const { done, value } = await (waiting ?? messages.next());
    waiting = undefined;
    return done ? assert.fail('the stream has ended') : value;
  }
  return {
    watch,
    next,
    async signal(kind) {
      const message = await next();
      assert.equal(message.signal?.kind, kind);
      return message;
    },
    async isSilent() {
      waiting ??= messages.next();
      log.wake();
      const moment = Promise.withResolvers<true>();
      setTimeout(moment.resolve, 50, true);
      return Promise.race([waiting.then(() => false), moment.promise]);
    },
    acknowledge: ({ ackToken }) => acks.send(ackToken),
    halfClose: acks.end,
    async end() {
      try {
        for (let result = await (waiting ?? messages.next()); !result.done;) result = await messages.next();
        return undefined;
      } catch (error) {
        return error;
      } finally {
        watches.remove(watch);
      }
    },
    async close() {
      client.abort();
      await waiting;
      await messages.return();
      watches.remove(watch);
    },
  };
}

function createAcks() {
  const waiting: { ackToken: string }[] = [];
  let changed = Promise.withResolvers<void>();
  let ended = false;
  const tell = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  return {
    send(ackToken: string) {
      waiting.push({ ackToken });
      tell();
    },
    end() {
      ended = true;
      tell();
    },
    async *received(): AsyncGenerator<{ ackToken: string }, void, undefined> {
      for (;;) {
        yield* waiting.splice(0);
        if (ended) return;
        if (waiting.length === 0) await changed.promise;
      }
    },
  };
}
