import type { EventPublisher } from '@order-events/domain';
import type { CompleteMark } from '@order-events/messaging';
import { cursorKey, ServerRunError } from '@order-events/outbox';
import type { Lease, LeaseStore, OutboxReader } from '@order-events/outbox';
import {
  createBackoff,
  createSparingWarn,
  createWakeSignal,
  type Logger,
  type Part,
  settleWithin,
  sleep,
  type WakeSignal,
} from '@order-events/runtime';
import { createClaimTrouble } from '../health/claim-trouble.ts';
import type { FindingBoard } from '../health/finding-board.ts';
import { equalSeqFindings } from '../health/equal-seq.ts';
import { createOnlyInTopic } from '../health/only-in-topic.ts';
import { ownershipFindings } from '../health/ownership-findings.ts';
import { createLogHealing, type LogMarks } from '../heal/log-healing.ts';
import type { OperatorRequests } from '../operations/operator-requests.ts';
import { completeMarks } from '../complete/complete-marks.ts';
import { createLeaseKeeper, type LeaseKeeper, type LeaseKeeperOptions } from '../ownership/lease-keeper.ts';
import { leaseObserver } from '../ownership/lease-observer.ts';
import { createLookPace, type LookOutcome } from './look-pace.ts';
import { createPartitionRun, type PartitionRun } from './partition-run.ts';
import { createKeyParking, type ParkedEvents } from '../publish/key-parking.ts';
import { createPartitionWriter, type PartitionClaims } from '../publish/partition-writer.ts';
import { nextReads, type PartitionRead } from './read-plan.ts';
import type { RelayMetrics } from '../relay-metrics.ts';

export interface RelayOptions {
  readonly leases: LeaseStore;
  readonly reader: OutboxReader;
  readonly partitionCount: number;
  readonly publisher: EventPublisher;
  readonly claims: PartitionClaims & LogMarks;
  readonly parkedEvents: ParkedEvents;
  readonly operatorRequests: OperatorRequests;
  readonly wakeUps: WakeSignal;
  /** Whether this relay reaches Kafka now. */
  readonly reach: LeaseKeeperOptions['reach'];
  readonly metrics: RelayMetrics;
  /** Where each part tells what holds it up. */
  readonly board: FindingBoard;
  readonly log: Logger;
  readonly leaseMs: number;
  readonly renewIntervalMs: number;
  readonly safetyMarginMs: number;
  /** Time between two looks at who owns what. */
  readonly lookIntervalMs: number;
  /** Longest pause between two looks at the outbox while nothing happens. */
  readonly idlePollMs: number;
  /** How long batches on their way may take to be acknowledged when a partition is given back. */
  readonly drainMs: number;
  /** A partition is fenced anew after this time: the broker forgets producers that have not written for a day. */
  readonly fenceRenewalMs: number;
}

export interface Relay extends Part {
  /** Of the partitions that it owns: up to which time they are complete. */
  completeMarks(): CompleteMark[];
  /** Something about the partitions has changed in the database. */
  notice(): void;
}

/** How often the same reason is logged while it lasts; `/status` has it all the time. */
const SAME_WARNING_MS = 60_000;
/** How soon a request of an operator is seen whose notification was lost. */
const REQUEST_CHECK_MS = 1000;

/**
 * Reads the outbox ahead for every partition that this relay owns and hands each its share; the partitions publish on their own. A
 * partition that cannot publish keeps its cursor and is left out until it can; the others go on without it, and it falls into step
 * with them by itself when it has caught up.
 */
export function createRelay(options: RelayOptions): Relay {
  const { log, metrics, wakeUps } = options;
  const warn = createSparingWarn(log, SAME_WARNING_MS);
  const healing = createLogHealing({ ...options, marks: options.claims });
  const tellOnlyInTopic = createOnlyInTopic(options);
  const runs = new Map<number, PartitionRun>();
  /** Ends of runs: a partition that is gained again waits for its former run. */
  const ends = new Map<number, Promise<void>>();
  /** Runs that begin, each once the former run of its partition has ended. */
  const starts = new Map<number, Promise<PartitionRun | undefined>>();
  const [ownershipChanges, requestChanges] = [createWakeSignal(), createWakeSignal()];
  /** The leases are given back first, while the loops go on; then these stop. */
  const leaving = new AbortController();
  const stopping = new AbortController();
  let keeping: Promise<void> | undefined;
  let loops: Promise<unknown> | undefined;
  let waitsForRoom = false;

  const keeper: LeaseKeeper = createLeaseKeeper({
    ...options,
    ...{ store: options.leases, changes: ownershipChanges, observer: leaseObserver(metrics) },
    onGained: (lease, lost) => starts.set(lease.partition, own(lease, lost)),
    onLost: (partition) => forget(partition),
    ...ownershipFindings(options.board),
    checkpointOf: (partition) => runs.get(partition)?.checkpoint(),
    async drain(partition, until) {
      const run = await starts.get(partition);
      const drained = run?.drain(until) ?? Promise.resolve();
      // Kafka may answer the next owner and not this one; what is under way then is for the next claim to find out.
      if (until === 'acknowledged' && !(await settleWithin(drained, options.drainMs))) run?.halt();
      await drained;
    },
  });

  function forget(partition: number): void {
    runs.delete(partition);
    starts.delete(partition);
    metrics.partitionsOwned.set(runs.size);
  }

  async function own(lease: Lease, lost: AbortSignal): Promise<PartitionRun | undefined> {
    await ends.get(lease.partition);
    if (lost.aborted) return undefined;
    const run = startRun(lease, lost);
    runs.set(lease.partition, run);
    ends.set(lease.partition, run.ended);
    metrics.partitionsOwned.set(runs.size);
    return run;
  }

  function startRun(lease: Lease, lost: AbortSignal): PartitionRun {
    const { partition, checkpoint } = lease;
    const parking = createKeyParking(partition, options.parkedEvents, (reason, count) =>
      metrics.parked.inc({ reason }, count),
    );
    const writer = createPartitionWriter({
      ...{ partition, parking, log },
      fromOffset: checkpoint.logOffset,
      publisher: options.publisher,
      claims: options.claims,
      observer: metrics.delivery,
      onOnlyInTopic: (eventIds) => tellOnlyInTopic(partition, eventIds),
    });
    const trouble = createClaimTrouble({ partition, lost, board: options.board, warn });
    return createPartitionRun({
      ...{ partition, checkpoint, writer, lost },
      validity: () => keeper.validity(partition),
      attend: (context) => options.operatorRequests.attend({ ...context, partition, writer, parking }),
      heal: (claim, at, signal) => healing.heal(lease, claim, at, signal),
      onClaimed({ endOffset, publishedIds }) {
        metrics.claims.inc();
        trouble.claimed();
        log.debug({ partition, endOffset: String(endOffset), ledger: publishedIds.size }, 'claimed');
        wakeUps.wake();
      },
      onClaimFailed(error) {
        metrics.claimFailures.inc();
        trouble.failed(error);
      },
      onProgress() {
        if (waitsForRoom) wakeUps.wake();
      },
      log,
    });
  }

  async function read(reads: readonly PartitionRead[]): Promise<LookOutcome> {
    const endTimer = metrics.pollDuration.startTimer();
    const pages = await options.reader.read(reads.map(({ group }) => group));
    endTimer();
    // A group without a page has a window that is still being measured.
    let answer: LookOutcome = pages.length < reads.length ? 'more' : 'nothing';
    const membersOf = new Map(reads.map(({ group, members }) => [group, members]));
    for (const page of pages) {
      const shares = Map.groupBy(page.events, (event) => event.partition);
      for (const { run, readFrom } of membersOf.get(page.group) ?? []) {
        run.offer(readFrom, { events: shares.get(run.partition) ?? [], next: page.next });
      }
      if (page.next.page !== undefined) answer = 'more';
      else if (page.events.length > 0 && answer === 'nothing') answer = 'some';
    }
    return answer;
  }

  async function readLoop(): Promise<void> {
    const failures = createBackoff({ baseMs: 50, maxMs: 1000 });
    const pace = createLookPace(options.idlePollMs);
    while (!stopping.signal.aborted) {
      const valid = [...runs.values()].filter(({ partition }) => !keeper.validity(partition).aborted);
      const reads = nextReads(valid, cursorKey);
      try {
        if (reads.length === 0) {
          waitsForRoom = true;
          await wakeUps.wait(options.idlePollMs, stopping.signal);
          waitsForRoom = false;
          continue;
        }
        const startedMs = performance.now();
        pace.looked(await read(reads), performance.now() - startedMs);
        failures.reset();
        options.board.put('outbox order', []);
        if (pace.minPauseMs() > 0) await sleep(pace.minPauseMs(), stopping.signal);
        const restMs = pace.maxPauseMs() - pace.minPauseMs();
        if (restMs > 0) await wakeUps.wait(restMs, stopping.signal);
      } catch (error) {
        metrics.readFailures.inc();
        if (error instanceof ServerRunError) keeper.distrust();
        options.board.put('outbox order', equalSeqFindings(error));
        warn({ reason: error }, 'could not read the outbox, trying again');
        await sleep(failures.nextDelayMs(), stopping.signal);
      }
    }
  }

  /** Passes on what operators ask for, and renews old fences. */
  async function attendLoop(): Promise<void> {
    while (!stopping.signal.aborted) {
      await requestChanges.wait(REQUEST_CHECK_MS, stopping.signal);
      for (const run of runs.values()) run.renewFence(options.fenceRenewalMs);
      try {
        const partitions = new Set(await options.operatorRequests.concerned([...runs.keys()]));
        for (const run of runs.values()) {
          // What was parked may have been discarded since.
          if (partitions.has(run.partition) || run.holdsParked()) run.requestAttention();
        }
      } catch (error) {
        warn({ reason: error }, 'could not look for requests of operators, trying again');
      }
    }
  }

  return {
    name: 'relay',
    completeMarks: () => completeMarks(runs.values(), options.partitionCount),
    notice() {
      requestChanges.wake();
      wakeUps.wake();
      ownershipChanges.wake();
    },
    async start() {
      keeping = keeper.run(leaving.signal);
      const looking = healing.watch(stopping.signal, (partition) => runs.get(partition)?.renewFence(0));
      loops = Promise.all([readLoop(), attendLoop(), looking]);
    },
    async stop() {
      leaving.abort();
      await keeping;
      stopping.abort();
      await Promise.all([loops, ...ends.values()]);
    },
  };
}
