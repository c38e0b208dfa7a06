import {
  type ParkedEventStore,
  partitionsWithWork,
  type PendingEvent,
  type Replay,
  type ReplayStore,
} from '@order-events/outbox';
import { createBackoff, type Logger, sleep } from '@order-events/runtime';
import type { Pool } from 'pg';
import type { AttendContext } from '../run/partition-run.ts';
import type { AttendResult } from '../run/partition-run-state.ts';
import type { KeyParking } from '../publish/key-parking.ts';
import type { PartitionWriter } from '../publish/partition-writer.ts';
import type { RelayMetrics } from '../relay-metrics.ts';

/** What is attended to with: one partition's writer and parking, between two of its batches. */
export interface AttendedPartition extends AttendContext {
  readonly partition: number;
  readonly writer: Pick<PartitionWriter, 'deliverApart' | 'settle' | 'leaveOut'>;
  readonly parking: KeyParking;
}

export interface OperatorRequests {
  /** Which of the partitions have parked events or an unfinished replay. */
  concerned(partitions: readonly number[]): Promise<number[]>;
  /**
   * Learns which keys are parked, publishes those that are requeued, and one page of each replay. Rejects when the database is away.
   * When it resolves, nothing that it published is without its record in the database, unless the answer is `unclaimed`.
   */
  attend(partition: AttendedPartition): Promise<AttendResult>;
}

const REQUEUE_EVENTS = 50;

export function createOperatorRequests(options: {
  pool: Pool;
  parkedEvents: ParkedEventStore;
  replays: ReplayStore;
  metrics: Pick<RelayMetrics, 'requeued' | 'replayed'>;
  log: Logger;
}): OperatorRequests {
  const { pool, parkedEvents, replays, metrics, log } = options;

  /** Publishes the events of one key in order and forgets each that is in the topic. */
  async function requeue(at: AttendedPartition, key: string): Promise<AttendResult> {
    for (;;) {
      const events = await parkedEvents.eventsOf(at.partition, key, REQUEUE_EVENTS);
      if (events.length === 0) return 'done';
      at.forgetFormer();
      const result = await at.writer.deliverApart(events, at.signal);
      if (result.kind === 'unclaimed') return 'unclaimed';
      const published = events.slice(0, result.published);
      const recorded = await recordUntilDone(at, published, () =>
        parkedEvents.remove(published.map((event) => event.eventId)),
      );
      if (!recorded) return 'unclaimed';
      metrics.requeued.inc(published.length);
      log.info({ key, events: published.length }, 'requeued events are published');
      if (result.kind === 'held') return 'held';
      if (result.kind === 'refused') {
        await parkedEvents.refuse(result.event, result.reason);
        return 'done';
      }
    }
  }

  async function replayPage(at: AttendedPartition, replay: Replay): Promise<AttendResult> {
    const page = await replays.page(replay, at.cursor.snapshot);
    const result = await at.writer.deliverApart(page.events, at.signal);
    if (result.kind === 'unclaimed') return 'unclaimed';
    // What the topic refuses now, it took before: somebody lowered its limit. The replay goes on behind it.
    const passed = result.published + (result.kind === 'refused' ? 1 : 0);
    const whole = result.kind === 'published';
    const afterSeq = whole ? page.afterSeq : (page.events[passed - 1]?.seq ?? replay.afterSeq);
    const published = page.events.slice(0, result.published);
    const finished = whole && page.finished;
    const recorded = await recordUntilDone(at, published, () =>
      replays.advance(replay, { afterSeq, events: published.length, finished }),
    );
    if (!recorded) return 'unclaimed';
    metrics.replayed.inc(published.length);
    if (finished) log.info({ replayId: replay.replayId, partition: at.partition }, 'replay finished');
    if (result.kind === 'held') return 'held';
    // The cursor moves soon, and requests are looked for every second.
    return finished || page.waits ? 'done' : 'more';
  }

  /** What is published must be recorded before anything else is: only until then does the ledger protect it. */
  async function recordUntilDone(
    at: AttendedPartition,
    published: readonly PendingEvent[],
    record: () => Promise<void>,
  ): Promise<boolean> {
    const backoff = createBackoff({ baseMs: 50, maxMs: 1000 });
    while (!at.signal.aborted) {
      try {
        await record();
        at.writer.settle(published);
        return true;
      } catch (error) {
        log.warn({ reason: error, partition: at.partition }, 'could not record what was published');
        await sleep(backoff.nextDelayMs(), at.signal);
      }
    }
    return false;
  }

  return {
    concerned: (partitions) => partitionsWithWork(pool, partitions),

    async attend(at) {
      const keys = await parkedEvents.keys(at.partition);
      at.parking.set(new Map(keys.map(firstOfKey)));
      at.writer.leaveOut(await parkedEvents.discardedBeyond(at.cursor.snapshot));
      let answer: AttendResult = 'done';
      for (const { key } of keys.filter(({ requeued }) => requeued)) {
        const result = await requeue(at, key);
        if (result === 'unclaimed') return result;
        if (result === 'held') answer = result;
        else at.parking.set(new Map((await parkedEvents.keys(at.partition)).map(firstOfKey)));
      }
      for (const replay of await replays.unfinished(at.partition)) {
        const result = await replayPage(at, replay);
        if (result === 'unclaimed') return result;
        if (result !== 'done' && answer !== 'held') answer = result;
      }
      return answer;
    },
  };
}

function firstOfKey(parked: { key: string; firstEventId: string }): [string, string] {
  return [parked.key, parked.firstEventId];
}
