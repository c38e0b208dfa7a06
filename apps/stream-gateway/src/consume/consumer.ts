import { type ConsumerGroups, GroupMembershipLostError } from '@order-events/messaging';
import type { RejectPolicy } from '../held/held-order.ts';
import { createHeldOrders, type HeldLimits, type HeldOrders } from '../held/held-orders.ts';
import type { OpenHeldWriter } from '../held/held-store.ts';
import type { UnreadableHeld } from '../held/held-unreadable.ts';
import type { LogEvent } from '../log/log-event.ts';
import type { OrderLogView } from '../log/order-log.ts';
import { filterMetadata } from '../subscription/subscription-filter.ts';
import { subscriptionGroupId } from '../subscription/subscription-name.ts';
import type { EventFilter } from '../log/event-filter.ts';
import type { RegisteredWatch } from '../stream/registered-watch.ts';
import type { StartPosition } from '../position/start-position.ts';
import { runStream, type StreamSteps } from '../stream/stream-loop.ts';
import type { WatchLifetime } from '../stream/watch-lifetime.ts';
import type { WatchSources } from '../watch/watcher.ts';
import { type BoundaryGate, createBoundaryGate, isAwaited } from './boundary-gate.ts';
import { type ClientAnswers, createClientAnswers } from './client-answers.ts';
import type { ConsumeMessage } from './consume-message.ts';
import { type ConsumeSteps, createConsumeSteps } from './consume-steps.ts';
import { createMemberProgress } from './member-progress.ts';
import { createMemberReader, type MemberReader } from './member-reader.ts';
import { createNudge } from './nudge.ts';
import { type CommitOutcome, createPositionCommits } from './position-commits.ts';
import { createStart, createTimesLocator } from './start-location.ts';
import { createSubscriptionMember } from './subscription-member.ts';
import { createUnacknowledgedEvents } from './unacknowledged-events.ts';

export interface ConsumeRequest {
  readonly subscription: string;
  readonly filter: EventFilter;
  /** Of a new subscription. */
  readonly start: StartPosition;
  readonly maxUnacknowledgedEvents: number;
  readonly heartbeatMs: number;
  readonly maxBatchSize: number;
  /** Of a stream that may reject. */
  readonly rejectPolicy?: RejectPolicy;
  readonly acknowledgeTimeoutMs?: number;
}

/** What streams of subscriptions read from and store in. */
export interface ConsumeSources extends WatchSources {
  readonly groups: ConsumerGroups;
  /** As Kafka's tools show members. */
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly partitionCheckMs: number;
  readonly openHeldWriter: OpenHeldWriter;
  readonly heldLimits: HeldLimits;
  readonly observer: ConsumeObserver;
}

export interface ConsumeObserver {
  acknowledged(events: number): void;
  committed(outcome: CommitOutcome, error?: unknown): void;
  /** The log had lost events before they were delivered. */
  missed(subscription: string, events: bigint): void;
  /** Something about the group failed and is tried again. */
  groupFailed(subscription: string, error: unknown): void;
  /** What may be held of the subscription cannot be read: all that is known of it, since something has come to it. */
  heldUnreadable(subscription: string, unreadable: readonly UnreadableHeld[]): void;
  /** A stream waits until those of older gateways have ended. */
  waitsForOlder(subscription: string): void;
}

const DEFAULT_REJECT_POLICY: RejectPolicy = {
  maxAttempts: 5,
  firstDelayMs: 1_000,
  growth: 2,
  maxDelayMs: 5 * 60_000,
};
/** What is held is stored, for so long, before the stream leaves. */
const LAST_WRITES_MS = 500;

/**
 * One stream of a subscription: a member of its consumer group that reads its partitions from the log of this process, as far as its
 * client's credit goes, and commits what the client acknowledges. Ends when the client has sent its last acknowledgement or `signal`
 * aborts, and leaves the group; throws a StreamError when it cannot go on.
 */
export async function* consumeLog(
  request: ConsumeRequest,
  answers: ClientAnswers,
  watch: RegisteredWatch,
  lifetime: WatchLifetime,
  sources: ConsumeSources,
  signal: AbortSignal,
): AsyncGenerator<ConsumeMessage, void, undefined> {
  const consumer = createConsumer(request, watch, lifetime, sources);
  consumer.receive(answers);
  try {
    yield* runStream(consumer.steps, signal);
  } finally {
    await consumer.leave();
  }
}

function createConsumer(
  request: ConsumeRequest,
  watch: RegisteredWatch,
  lifetime: WatchLifetime,
  sources: ConsumeSources,
) {
  const { subscription, filter, heartbeatMs, maxBatchSize } = request;
  const { log, observer, groups, clientId, sessionTimeoutMs, partitionCheckMs } = sources;
  const locateStart = createStart(request.start, sources);
  const nudge = createNudge();
  const held = createHeld(request, sources, nudge.give, async (partition) => {
    const assignment = steps.applied();
    if (!assignment) throw new GroupMembershipLostError(subscription);
    await commits.storeMark(assignment, partition);
  });
  const mayReject = request.rejectPolicy !== undefined;
  const unacknowledged = createUnacknowledgedEvents<LogEvent>(request.maxUnacknowledgedEvents, mayReject);
  const progress = createMemberProgress(unacknowledged, held.unstoredOffset);
  const gate = createGate(subscription, sources, nudge.give);
  const reader = createMemberReader(progress, filter, sources, { ...gate, isReadable: held.isReadable });
  const member = createSubscriptionMember({
    ...{ groups, subscription, clientId, sessionTimeoutMs, partitionCheckMs },
    metadata: filterMetadata(filter),
    locateStart,
    locateTimes: createTimesLocator(sources),
    onChange: nudge.give,
    onRevoked: () => commits.flush(steps.applied()),
    onOlderMembers: () => observer.waitsForOlder(subscription),
    onFailure: (error) => observer.groupFailed(subscription, error),
  });
  const commits = createPositionCommits({
    ...{ progress, member, held },
    onOutcome: observer.committed,
    onChange: nudge.give,
    isAwaited: () => isAwaited(log.layout(), progress),
  });
  const steps = createConsumeSteps({
    ...{ watch, lifetime, log, member, progress, held, reader, commits, heartbeatMs, maxBatchSize },
    acknowledgeTimeoutMs: request.acknowledgeTimeoutMs,
    onMissed: (events) => observer.missed(subscription, events),
  });
  const client = createClientAnswers({ streamId: watch.id, progress, held, commits, steps, nudge, observer });

  member.start();
  return {
    steps: consumerSteps({ client, steps, reader, nudge, log }),
    receive: client.receive,
    async leave() {
      await held.settle(LAST_WRITES_MS);
      await commits.flush(steps.applied());
      await member.stop();
      held.close();
    },
  };
}

function consumerSteps(parts: {
  readonly client: Pick<ReturnType<typeof createClientAnswers>, 'check'>;
  readonly steps: ConsumeSteps;
  readonly reader: MemberReader;
  readonly nudge: ReturnType<typeof createNudge>;
  readonly log: OrderLogView;
}): StreamSteps<ConsumeMessage> {
  const { client, steps, reader, nudge, log } = parts;
  return {
    started: steps.started,
    next() {
      client.check();
      return steps.next();
    },
    isFinished: steps.isFinished,
    hasMore: () => steps.applied() !== undefined && reader.hasMore(),
    wait(signal) {
      // Without a share nobody takes what was read: to wait for it would be to wait for nothing, again and again, and let nothing else run.
      const reading = steps.applied() && reader.pending();
      const work = reading ? Promise.race([reading, nudge.received()]) : nudge.received();
      return log.changed(steps.waitMs(), signal, work);
    },
  };
}

function createHeld(
  { subscription, rejectPolicy = DEFAULT_REJECT_POLICY }: ConsumeRequest,
  { heldLimits, openHeldWriter, observer }: ConsumeSources,
  onChange: () => void,
  commitMark: (partition: number) => Promise<void>,
): HeldOrders {
  return createHeldOrders({
    ...{ subscription, policy: rejectPolicy, limits: heldLimits, open: openHeldWriter, commitMark, onChange },
    onUnreadable: (unreadable) => observer.heldUnreadable(subscription, unreadable),
    onFailure: (error) => observer.groupFailed(subscription, error),
  });
}

/** Waits for what the whole subscription has acknowledged. */
function createGate(
  subscription: string,
  { log, groups, observer }: Pick<ConsumeSources, 'log' | 'groups' | 'observer'>,
  onChange: () => void,
): BoundaryGate {
  return createBoundaryGate({
    log,
    fetchCommitted: () => groups.offsets.fetch(subscriptionGroupId(groups.offsets.topic, subscription)),
    onChange,
    onFailure: (error) => observer.groupFailed(subscription, error),
  });
}
