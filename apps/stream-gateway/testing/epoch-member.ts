import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sleep } from '@order-events/runtime';
import type { SimulatedKafka } from '../../../packages/messaging/testing/simulated-kafka.ts';
import { createBoundaryGate } from '../src/consume/boundary-gate.ts';
import { createMemberProgress } from '../src/consume/member-progress.ts';
import { createMemberReader, type ReadOutcome } from '../src/consume/member-reader.ts';
import { createUnacknowledgedEvents } from '../src/consume/unacknowledged-events.ts';
import { createEventFilter } from '../src/log/event-filter.ts';
import { StreamError } from '../src/stream/stream-error.ts';
import type { EpochClient } from './epoch-client.ts';
import { type Place, skippedOf, wasEverThere } from './epoch-delivery.ts';
import type { SimulatedGateway } from './simulated-gateway.ts';

/** What a subscription has committed, by topic: Kafka forgets it with the topic. */
export type CommittedPlaces = Map<string, Map<number, bigint>>;

const ALL = createEventFilter({ statuses: [], orderIds: [], customerIds: [], eventTypes: [] });
const LOOK_MS = 1_000;
const AT_ONCE = 4;

/** The only member of a subscription: it acknowledges what it is sent at once, and all of that is committed. */
export function openEpochMember(
  kafka: SimulatedKafka,
  { memberSources: sources }: SimulatedGateway,
  places: CommittedPlaces,
): EpochClient {
  const { log } = sources;
  const gone = new AbortController();
  const progress = createMemberProgress(createUnacknowledgedEvents(100));
  const committedOf = (topicId: string) => {
    const known = places.get(topicId) ?? new Map<number, bigint>();
    places.set(topicId, known);
    return known;
  };
  let topicId: string | undefined;
  const gate = createBoundaryGate({
    log,
    fetchCommitted: async () => {
      const committed = [...committedOf(topicId ?? '')];
      return new Map(committed.map(([partition, offset]) => [partition, { offset, metadata: '' }]));
    },
    onChange: log.wake,
    onFailure: () => {},
  });
  const reader = createMemberReader(progress, ALL, sources, { ...gate, isReadable: () => true });
  let base: Place | undefined;
  let refusal: StreamError | undefined;
  let fault: Error | undefined;
  let stalled: Promise<void> | undefined;
  const delivered = new Set<string>();

  /** The group gives the only member all partitions that there are. */
  function takeShare(): void {
    const { id, partitionCount = 0 } = log.topic() ?? {};
    if (!id || partitionCount === progress.partitions().length) return;
    topicId = id;
    const committed = committedOf(id);
    progress.assign(
      new Map(Array.from({ length: partitionCount }, (_, each) => [each, committed.get(each) ?? 0n])),
    );
    reader.reassigned();
    base ??= { topicId: id, next: [...progress.cursor] };
  }

  function take(outcome: ReadOutcome): void {
    if (outcome.kind === 'missed') {
      base = { topicId: topicId ?? '', next: [...progress.cursor] };
      delivered.clear();
    } else {
      for (const event of outcome.events) delivered.add(wasEverThere(kafka, topicId ?? '', event));
      progress.acknowledge(progress.sent(outcome.events));
    }
    const done = progress.uncommitted();
    for (const [partition, offset] of done) committedOf(topicId ?? '').set(partition, offset);
    progress.committed(done);
  }

  async function step(): Promise<void> {
    reader.checkTopic();
    takeShare();
    const outcome = reader.next(AT_ONCE);
    if (outcome) {
      take(outcome);
      await stalled;
    } else if (reader.hasMore()) await nextTurn();
    else {
      const nowMs = performance.now();
      const retries = reader.retryTimesMs().filter((atMs) => atMs > nowMs);
      await log.changed(
        Math.min(LOOK_MS, ...retries.map((atMs) => atMs - nowMs)),
        gone.signal,
        reader.pending(),
      );
    }
  }

  async function pump(): Promise<void> {
    try {
      while (!gone.signal.aborted) await step();
    } catch (error) {
      if (error instanceof StreamError) refusal = error;
      else fault = error instanceof Error ? error : new Error(String(error));
    }
  }

  const pumping = pump();
  return {
    position: () => (topicId === undefined ? undefined : { topicId, next: [...progress.cursor] }),
    token: () => undefined,
    refusal: () => refusal,
    check(isSettled) {
      if (fault) throw fault;
      const topic = kafka.current();
      if (refusal || !isSettled || !topic) return;
      assert.equal(topicId, topic.id, 'a member in another topic');
      const ends = topic.partitions.map(({ records }) => BigInt(records.length));
      assert.deepEqual(progress.cursor, ends, 'a member stands still');
      assert.deepEqual(skippedOf(topic, base, delivered), [], 'a member was not given, untold');
    },
    stall(ms) {
      stalled = sleep(ms, gone.signal);
    },
    async close() {
      gone.abort();
      await pumping;
    },
  };
}
