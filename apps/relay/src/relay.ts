import type { EventPublisher } from '@order-events/domain';
import { createBackoff, type Logger, type Part, settleWithin, sleep } from '@order-events/runtime';
import { cursorKey } from './outbox/cursor.ts';
import type { CursorGroup } from './outbox/outbox-query.ts';
import type { OutboxPage, OutboxReader } from './outbox/outbox-reader.ts';
import { createLeaseKeeper, type LeaseKeeper } from './ownership/lease-keeper.ts';
import type { Lease, LeaseStore } from './ownership/lease-store.ts';
import { advance, claimed, createPartitionRun, type PartitionRun } from './partition-run.ts';
import type { PendingEvent } from './pending-event.ts';
import { createPartitionWriter, type PartitionClaims } from './publish/partition-writer.ts';
import type { RelayMetrics } from './relay-metrics.ts';
import type { WakeSignal } from './wake-signal.ts';

export interface RelayOptions {
  readonly leases: LeaseStore;
  readonly reader: OutboxReader;
  readonly publisher: EventPublisher;
  readonly claims: PartitionClaims;
  readonly wakeUps: WakeSignal;
  readonly metrics: RelayMetrics;
  readonly log: Logger;
  readonly leaseMs: number;
  readonly renewIntervalMs: number;
  readonly safetyMarginMs: number;
  /** Longest pause between two looks at the outbox while nothing happens. */
  readonly idlePollMs: number;
  /** How long pages on their way may take to be acknowledged when the relay stops. */
  readonly drainMs: number;
}

/** While events flow, the outbox is looked at this often: an empty look costs some 50 µs. */
const BUSY_POLL_MS = 2;
/** How long partitions that are done wait for the others, so that they read the next page together. */
const GATHER_MS = 20;

/**
 * The relay's loop: read a page for every partition that is ready, publish each partition's share, move its cursor. A partition that
 * cannot publish keeps its cursor and is left out until it can; the others go on without it.
 */
export function createRelay(options: RelayOptions): Part {
  const { log, metrics, wakeUps } = options;
  const runs = new Map<number, PartitionRun>();
  /** What each partition is busy with, so that a partition does one thing at a time, also across a lease lost and gained again. */
  const activities = new Map<number, Promise<void>>();
  const stopping = new AbortController();
  let loops: Promise<unknown> | undefined;

  const keeper: LeaseKeeper = createLeaseKeeper({
    ...options,
    store: options.leases,
    onGained(lease, lost) {
      void track(lease.partition, own(lease, lost, activities.get(lease.partition)));
    },
    onLost(partition) {
      runs.delete(partition);
      metrics.partitionsOwned.set(runs.size);
    },
    checkpointOf: (partition) => runs.get(partition)?.checkpoint,
  });

  function track(partition: number, work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => {
      if (activities.get(partition) === tracked) activities.delete(partition);
      wakeUps.wake();
    });
    activities.set(partition, tracked);
    return tracked;
  }

  async function own(lease: Lease, lost: AbortSignal, before: Promise<void> | undefined): Promise<void> {
    await before;
    if (lost.aborted) return;
    const { partition, checkpoint } = lease;
    const writer = createPartitionWriter({
      partition,
      fromOffset: checkpoint.logOffset,
      publisher: options.publisher,
      claims: options.claims,
      observer: metrics.delivery,
      log,
    });
    const run = createPartitionRun({ partition, writer, lost, checkpoint });
    runs.set(partition, run);
    metrics.partitionsOwned.set(runs.size);
    await claim(run);
  }

  /** Tries to become the only writer of a partition until it is, or until the partition is lost. */
  async function claim(run: PartitionRun): Promise<void> {
    run.state = 'claiming';
    const given = AbortSignal.any([run.lost, stopping.signal]);
    while (!given.aborted) {
      try {
        const { endOffset, publishedIds, truncated } = await run.writer.claim(given);
        metrics.claims.inc();
        const fields = {
          partition: run.partition,
          endOffset: String(endOffset),
          ledger: publishedIds.size,
        };
        if (truncated)
          log.warn(
            fields,
            'the log ends before the stored offset: truncated or created anew; earlier events are not published again',
          );
        else log.debug(fields, 'claimed');
        return claimed(run);
      } catch (error) {
        if (given.aborted) return;
        metrics.claimFailures.inc();
        log.warn(
          { reason: String(error), partition: run.partition },
          'could not claim the partition, trying again',
        );
        await sleep(run.backoff.nextDelayMs(), given);
      }
    }
  }

  async function deliver(
    run: PartitionRun,
    events: readonly PendingEvent[],
    page: OutboxPage,
  ): Promise<void> {
    run.state = 'busy';
    const result = await run.writer.deliver(events, keeper.validity());
    if (run.lost.aborted) return;
    if (result === 'published') {
      run.backoff.reset();
      return advance(run, page.next);
    }
    if (stopping.signal.aborted) return;
    await sleep(run.backoff.nextDelayMs(), AbortSignal.any([run.lost, stopping.signal]));
    if (result === 'unclaimed') await claim(run);
    else run.state = 'idle';
  }

  /** Starts the delivery of a page; answers with the deliveries under way. */
  function dispatch(page: OutboxPage): Promise<void>[] {
    const shares = Map.groupBy(page.events, (event) => event.partition);
    const readFrom = cursorKey(page.group.cursor);
    const started: Promise<void>[] = [];
    for (const partition of page.group.partitions) {
      const run = runs.get(partition);
      // Lost while the page was read, and perhaps gained again at another cursor: the page is not what comes next there.
      if (run?.state !== 'idle' || cursorKey(run.checkpoint.cursor) !== readFrom) continue;
      const events = shares.get(partition);
      if (events) started.push(track(partition, deliver(run, events, page)));
      else advance(run, page.next);
    }
    return started;
  }

  /** One look at the outbox; answers whether there was something to do. */
  async function step(idle: readonly PartitionRun[]): Promise<boolean> {
    const endTimer = metrics.pollDuration.startTimer();
    const pages = await options.reader.read(groupByCursor(idle));
    endTimer();
    const started = pages.flatMap(dispatch);
    if (started.length > 0) await settleWithin(Promise.all(started), GATHER_MS);
    return pages.some((page) => page.events.length > 0 || page.next.page !== undefined);
  }

  async function loop(): Promise<void> {
    const failures = createBackoff({ baseMs: 50, maxMs: 1000 });
    let pollMs = BUSY_POLL_MS;
    while (!stopping.signal.aborted) {
      const idle = [...runs.values()].filter((run) => run.state === 'idle');
      if (idle.length === 0 || keeper.validity().aborted) {
        await wakeUps.wait(options.idlePollMs, stopping.signal);
        continue;
      }
      try {
        const worked = await step(idle);
        failures.reset();
        if (worked) pollMs = BUSY_POLL_MS;
        else {
          await wakeUps.wait(pollMs, stopping.signal);
          pollMs = Math.min(pollMs * 1.5, options.idlePollMs);
        }
      } catch (error) {
        metrics.readFailures.inc();
        log.warn({ reason: String(error) }, 'could not read the outbox, trying again');
        await sleep(failures.nextDelayMs(), stopping.signal);
      }
    }
  }

  async function giveBackLeases(): Promise<void> {
    try {
      await keeper.release();
    } catch (error) {
      log.warn({ reason: String(error) }, 'could not give back the leases; they run out by themselves');
    }
  }

  return {
    name: 'relay',
    async start() {
      loops = Promise.all([keeper.run(stopping.signal), loop()]);
    },
    async stop() {
      stopping.abort();
      await loops;
      const drained = await settleWithin(Promise.all(activities.values()), options.drainMs);
      if (!drained) {
        keeper.revoke();
        await Promise.all(activities.values());
      }
      // A database that is away must not keep the process: leases that are not given back run out.
      await settleWithin(giveBackLeases(), options.drainMs);
    },
  };
}

function groupByCursor(idle: readonly PartitionRun[]): CursorGroup[] {
  const groups = Map.groupBy(idle, (run) => cursorKey(run.checkpoint.cursor));
  return [...groups.values()].map((members) => ({
    // A group is never empty.
    cursor: (members[0] as PartitionRun).checkpoint.cursor,
    partitions: members.map((run) => run.partition),
  }));
}
