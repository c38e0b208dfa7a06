import { type CommittedOffset, type ConsumerGroups, GroupMembershipLostError } from '@order-events/messaging';
import { sleep } from '@order-events/runtime';
import { StreamError } from '../stream/stream-error.ts';
import { byKnowledge, closePlaces, type LocateTimes } from './open-partitions.ts';
import { checkFilter } from '../subscription/subscription-filter.ts';
import { readOlderGroup } from '../subscription/older-group.ts';
import { hasForeignMembers } from '../subscription/subscription-error.ts';
import { heldMetadata, lowestHeld, type SubscriptionPlace, toCommit } from '../subscription/open-place.ts';
import { subscriptionGroupId } from '../subscription/subscription-name.ts';

/**
 * The partitions of a member for as long as it has them, with the offsets to go on from. Those whose places are open come later, with
 * another assignment that is over with this one.
 */
export interface Assignment {
  readonly committed: ReadonlyMap<number, bigint>;
  /** Where something may be held, with the lowest offset of it. */
  readonly marks: ReadonlyMap<number, bigint>;
  /** Aborts when they may be another member's. */
  readonly over: AbortSignal;
}

export interface SubscriptionMemberOptions {
  readonly groups: ConsumerGroups;
  readonly subscription: string;
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly partitionCheckMs: number;
  /** Names the filter, see filterMetadata. */
  readonly metadata: string;
  /** The place of a subscription that is new. Rejects with a StreamError when there is none. */
  readonly locateStart: () => Promise<SubscriptionPlace>;
  readonly locateTimes: LocateTimes;
  /** Something below has changed. */
  readonly onChange: () => void;
  /** A rebalance begins. What is committed until this settles is still this member's, for a second at most. */
  readonly onRevoked: () => Promise<void>;
  /** The subscription still has streams at older gateways: this one waits for the last of them to end. */
  readonly onOlderMembers: () => void;
  /** Told of what will be tried again. */
  readonly onFailure: (error: unknown) => void;
}

/** The place of one stream in the consumer group of its subscription. */
export interface SubscriptionMember {
  /** Joins, unless the subscription has another filter. */
  start(): void;
  /** Undefined while it has not joined, while others join or leave, and when Kafka has not heard of it for a session. */
  assignment(): Assignment | undefined;
  /** Whether the group can be reached; undefined before that is known. */
  source(): { readonly available: boolean; readonly since: Date } | undefined;
  /** Why it cannot be a member. */
  failure(): StreamError | undefined;
  /** Stores next offsets of an assignment, also while it is handed over. Rejects with a GroupMembershipLostError when it is too late. */
  commit(
    of: Assignment,
    offsets: ReadonlyMap<number, bigint>,
    marks: ReadonlyMap<number, bigint>,
  ): Promise<void>;
  /** Leaves, in bounded time. */
  stop(): Promise<void>;
}

const RETRY_MS = 250;
const OLDER_RETRY_MS = 1_000;

export function createSubscriptionMember(options: SubscriptionMemberOptions): SubscriptionMember {
  const { groups, metadata, onChange } = options;
  const groupId = subscriptionGroupId(groups.offsets.topic, options.subscription);
  const stopping = new AbortController();
  let assignment: Assignment | undefined;
  let source: { available: boolean; since: Date } | undefined;
  let failure: StreamError | undefined;
  let generation = new AbortController();

  const member = groups.member({
    groupId,
    clientId: options.clientId,
    sessionTimeoutMs: options.sessionTimeoutMs,
    partitionCheckMs: options.partitionCheckMs,
    events: {
      onAssigned(partitions, committed) {
        generation = new AbortController();
        settle(partitions, committed, generation.signal).catch(fail);
      },
      onRevoked() {
        const handedOver = options.onRevoked();
        generation.abort();
        assignment = undefined;
        onChange();
        return handedOver;
      },
      onForeignMembers(error) {
        options.onFailure(error);
        fail(hasForeignMembers(options.subscription, error));
      },
      onAvailable: () => setAvailable(true),
      onUnavailable(error) {
        options.onFailure(error);
        setAvailable(false);
      },
    },
  });

  function setAvailable(available: boolean): void {
    source = { available, since: new Date() };
    onChange();
  }

  function fail(error: unknown): void {
    if (error instanceof StreamError) failure = error;
    else options.onFailure(error);
    onChange();
  }

  async function settle(
    partitions: readonly number[],
    assigned: ReadonlyMap<number, CommittedOffset>,
    over: AbortSignal,
  ): Promise<void> {
    let committed = assigned;
    for (;;) {
      checkFilter(committed, metadata);
      if (partitions.every((partition) => committed.has(partition))) break;
      try {
        committed = await beginSubscription(partitions, over);
      } catch (error: unknown) {
        if (over.aborted) return;
        if (error instanceof StreamError) throw error;
        options.onFailure(error);
        await sleep(RETRY_MS, over);
      }
      if (over.aborted) return;
    }
    const { known, open } = byKnowledge(partitions, committed);
    const marks = marksOf(partitions, committed);
    assignment = { committed: known, marks, over };
    onChange();
    await closePlaces(
      open,
      { ...options, commit: (offsets) => member.commit(offsets, metadata) },
      over,
      (found) => {
        assignment = { committed: new Map([...(assignment?.committed ?? []), ...found]), marks, over };
        onChange();
      },
    );
  }

  /**
   * A new subscription gets its start and its filter from the member that has partition 0, in one commit for all partitions: so it has
   * one of each, whoever comes first, and a partition without an offset is one that was added later, which is read from its beginning.
   */
  async function beginSubscription(
    partitions: readonly number[],
    over: AbortSignal,
  ): Promise<ReadonlyMap<number, CommittedOffset>> {
    const committed = await groups.offsets.fetch(groupId, over);
    if (committed.size > 0) {
      const added = partitions.filter((partition) => !committed.has(partition));
      return new Map([
        ...committed,
        ...added.map((partition) => [partition, { offset: 0n, metadata }] as const),
      ]);
    }
    if (partitions.includes(0)) {
      const start = await firstPlaces(over);
      over.throwIfAborted();
      const offsets = new Map(Array.from(start, ([partition, { offset }]) => [partition, offset]));
      await member.commitStart(offsets, (partition) => start.get(partition)?.metadata ?? metadata);
      return start;
    }
    await sleep(RETRY_MS, over);
    return committed;
  }

  /** Those of older gateways, as soon as the last of their streams has ended; else those of a subscription that is new. */
  async function firstPlaces(over: AbortSignal): Promise<ReadonlyMap<number, CommittedOffset>> {
    for (;;) {
      const older = await readOlderGroup(groups.offsets, options.subscription, over);
      checkFilter(older.committed, metadata);
      if (older.members === 0) {
        if (older.committed.size === 0) return toCommit(await options.locateStart(), metadata);
        return new Map(
          Array.from(older.committed, ([partition, { offset }]) => [partition, { offset, metadata }]),
        );
      }
      options.onOlderMembers();
      await sleep(OLDER_RETRY_MS, over);
    }
  }

  async function start(): Promise<void> {
    try {
      // A member that is refused after it has joined has taken the partitions from the others for a moment.
      const committed = await groups.offsets.fetch(groupId, stopping.signal);
      const { subscription } = options;
      const isNew = committed.size === 0;
      const older = isNew ? await readOlderGroup(groups.offsets, subscription, stopping.signal) : undefined;
      checkFilter(older?.committed ?? committed, metadata);
    } catch (error: unknown) {
      if (error instanceof StreamError) return fail(error);
      // Kafka is away: what is committed is checked with every assignment, too.
      if (!stopping.signal.aborted) options.onFailure(error);
    }
    if (!stopping.signal.aborted) member.start();
  }

  return {
    start: () => void start(),
    assignment: () => assignment,
    source: () => source,
    failure: () => failure,
    async commit(of, offsets, marks) {
      if (of.over !== generation.signal) throw new GroupMembershipLostError(groupId);
      await member.commit(offsets, (partition) => heldMetadata(metadata, marks.get(partition)));
    },
    async stop() {
      stopping.abort();
      generation.abort();
      await member.stop();
    },
  };
}

function marksOf(
  partitions: readonly number[],
  committed: ReadonlyMap<number, CommittedOffset>,
): ReadonlyMap<number, bigint> {
  const marks = new Map<number, bigint>();
  for (const partition of partitions) {
    const place = committed.get(partition);
    const lowest = place && lowestHeld(place);
    if (lowest !== undefined) marks.set(partition, lowest);
  }
  return marks;
}
