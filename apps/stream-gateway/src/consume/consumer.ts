import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ConsumerGroups } from '@order-events/messaging';
import { MalformedTokenError } from '../position/checked-token.ts';
import { StreamError } from '../stream/stream-error.ts';
import type { SubscriptionPlace } from '../subscription/open-place.ts';
import { filterMetadata } from '../subscription/subscription-filter.ts';
import { subscriptionGroupId } from '../subscription/subscription-name.ts';
import type { EventFilter } from '../log/event-filter.ts';
import type { RegisteredWatch } from '../stream/registered-watch.ts';
import { locateInLog, locateInRing, type StartPosition, startPoint } from '../position/start-position.ts';
import type { WatchLifetime } from '../stream/watch-lifetime.ts';
import type { WatchSources } from '../watch/watcher.ts';
import { decodeAckToken } from './ack-token.ts';
import { type BoundaryGate, createBoundaryGate, isAwaited } from './boundary-gate.ts';
import type { ConsumeMessage } from './consume-message.ts';
import { createConsumeSteps } from './consume-steps.ts';
import { createMemberProgress } from './member-progress.ts';
import { createMemberReader } from './member-reader.ts';
import { createNudge } from './nudge.ts';
import { type CommitOutcome, createPositionCommits } from './position-commits.ts';
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
}

/** What streams of subscriptions read from and store in. */
export interface ConsumeSources extends WatchSources {
  readonly groups: ConsumerGroups;
  /** As Kafka's tools show members. */
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly partitionCheckMs: number;
  readonly observer: ConsumeObserver;
}

export interface ConsumeObserver {
  acknowledged(events: number): void;
  committed(outcome: CommitOutcome, error?: unknown): void;
  /** The log had lost events before they were delivered. */
  missed(subscription: string, events: bigint): void;
  /** Something about the group failed and is tried again. */
  groupFailed(subscription: string, error: unknown): void;
  /** A stream waits until those of older gateways have ended. */
  waitsForOlder(subscription: string): void;
}

/** What comes from the client after the first request. */
export type Acknowledgements = AsyncGenerator<{ readonly ackToken: string }, void, undefined>;

/**
 * One stream of a subscription: a member of its consumer group that reads its partitions from the log of this process, as far as its
 * client's credit goes, and commits what the client acknowledges. Ends when the client has sent its last acknowledgement or `signal`
 * aborts, and leaves the group; throws a StreamError when it cannot go on.
 */
export async function* consumeLog(
  request: ConsumeRequest,
  acknowledgements: Acknowledgements,
  watch: RegisteredWatch,
  lifetime: WatchLifetime,
  sources: ConsumeSources,
  signal: AbortSignal,
): AsyncGenerator<ConsumeMessage, void, undefined> {
  const consumer = createConsumer(request, watch, lifetime, sources);
  const { steps, reader, nudge } = consumer;
  consumer.receive(acknowledgements);
  try {
    yield steps.started();
    while (!signal.aborted) {
      const message = consumer.next();
      if (message) yield message;
      else if (steps.isFinished()) return;
      else if (reader.hasMore()) await nextTurn();
      else {
        const reading = reader.pending();
        const work = reading ? Promise.race([reading, nudge.received()]) : nudge.received();
        await sources.log.changed(steps.waitMs(), signal, work);
      }
    }
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
  const progress = createMemberProgress(createUnacknowledgedEvents(request.maxUnacknowledgedEvents));
  const reader = createMemberReader(progress, filter, sources, createGate(subscription, sources, nudge.give));
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
    ...{ progress, member },
    onOutcome: observer.committed,
    onChange: nudge.give,
    isAwaited: () => isAwaited(log.layout(), progress),
  });
  const steps = createConsumeSteps({
    ...{ watch, lifetime, log, member, progress, reader, commits, heartbeatMs, maxBatchSize },
    onMissed: (events) => observer.missed(subscription, events),
  });
  let failure: Error | undefined;

  function acknowledge(token: string): void {
    const messageNumber = readAckToken(token, watch.id, progress.newestMessage());
    const before = progress.unacknowledged();
    progress.acknowledge(messageNumber);
    commits.acknowledged(messageNumber);
    observer.acknowledged(before - progress.unacknowledged());
    nudge.give();
  }

  async function receive(acknowledgements: Acknowledgements): Promise<void> {
    try {
      for await (const { ackToken } of acknowledgements) acknowledge(ackToken);
      steps.finish();
    } catch (error: unknown) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    nudge.give();
  }

  member.start();
  return {
    steps,
    reader,
    nudge,
    next() {
      if (failure) throw failure;
      return steps.next();
    },
    receive: (acknowledgements: Acknowledgements) => void receive(acknowledgements),
    async leave() {
      await commits.flush(steps.applied());
      await member.stop();
    },
  };
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

/** The position of a new subscription. "Latest" is the end of the log when the stream is opened, not when it has joined. */
function createStart(
  start: StartPosition,
  { log, reader }: Pick<WatchSources, 'log' | 'reader'>,
): () => Promise<SubscriptionPlace> {
  const point = startPoint(start, log, Date.now());
  return async () => {
    const inRing = locateInRing(point, log);
    if (inRing) return { next: inRing, logTimeMs: 0 };
    const { cursor, logTimeMs } = await locateInLog(point, reader, { allowGap: false });
    return { next: cursor, logTimeMs };
  };
}

/** Asks Kafka only about partitions that it seems to know of by now. */
function createTimesLocator({ log, reader }: Pick<WatchSources, 'log' | 'reader'>) {
  return async (timesMs: ReadonlyMap<number, number>): Promise<ReadonlyMap<number, bigint>> => {
    const found = new Map<number, bigint>();
    const readable = [...timesMs].filter(([partition]) => log.isReadable(partition));
    for (const [partition, logTimeMs] of readable) {
      const { cursor } = await locateInLog({ kind: 'log time', logTimeMs }, reader, { allowGap: false });
      const offset = cursor[partition];
      if (offset !== undefined) found.set(partition, offset);
    }
    return found;
  };
}

/** The message that a token of this stream acknowledges up to. Throws a StreamError for any other token. */
function readAckToken(token: string, ofStream: string, newestMessage: number): number {
  const field = 'acknowledge.ack_token';
  try {
    const { streamId, messageNumber } = decodeAckToken(token);
    if (streamId === ofStream && messageNumber <= newestMessage) return messageNumber;
  } catch (error: unknown) {
    if (!(error instanceof MalformedTokenError)) throw error;
    const text = `the acknowledgement token ${error.message}: send one back as it was received`;
    throw new StreamError('ACK_TOKEN_MALFORMED', text, { field, cause: error });
  }
  const text = 'the acknowledgement token is of another stream, whose unacknowledged events are sent again';
  throw new StreamError('ACK_TOKEN_FOREIGN', text, { field });
}
