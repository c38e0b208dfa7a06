import type { LogEvent } from '../log/log-event.ts';
import type { OrderLogView } from '../log/order-log.ts';
import { StreamError } from '../stream/stream-error.ts';
import type { RegisteredWatch } from '../stream/registered-watch.ts';
import type { WatchLifetime } from '../stream/watch-lifetime.ts';
import { encodeAckToken } from './ack-token.ts';
import type { ConsumeMessage, ConsumeSignal } from './consume-message.ts';
import type { MemberProgress } from './member-progress.ts';
import type { MemberReader, ReadOutcome } from './member-reader.ts';
import type { PositionCommits } from './position-commits.ts';
import type { Assignment, SubscriptionMember } from './subscription-member.ts';

/** What a stream of a subscription consists of. */
export interface ConsumeParts {
  readonly watch: RegisteredWatch;
  readonly lifetime: WatchLifetime;
  readonly log: Pick<OrderLogView, 'source'>;
  readonly member: Pick<SubscriptionMember, 'assignment' | 'source' | 'failure'>;
  readonly progress: MemberProgress;
  readonly reader: MemberReader;
  readonly commits: PositionCommits;
  readonly heartbeatMs: number;
  readonly maxBatchSize: number;
  readonly onMissed: (missedEvents: bigint) => void;
}

export interface ConsumeSteps {
  started(): ConsumeMessage;
  /** The message that is due now; undefined when there is none. Throws a StreamError when the stream must end. */
  next(): ConsumeMessage | undefined;
  /** How long there is nothing to do unless something changes. */
  waitMs(): number;
  /** The assignment that the progress is of. */
  applied(): Assignment | undefined;
  /** The client has sent its last request: nothing more is sent but what becomes of its acknowledgements. */
  finish(): void;
  /** Whether that is done. */
  isFinished(): boolean;
}

/** Once its end is due, a stream waits this long for what its client has not acknowledged. */
const LAST_ACKNOWLEDGEMENTS_MS = 1_500;
const LAST_COMMIT_MS = 10_000;
/** A rebalance takes a few milliseconds; a client need not know of it. */
const UNASSIGNED_UNTOLD_MS = 1_000;

export function createConsumeSteps(parts: ConsumeParts): ConsumeSteps {
  const { watch, lifetime, log, member, progress, reader, commits } = parts;
  let lastSentMs = performance.now();
  let lookedAtMs = lastSentMs;
  let toldAvailable = true;
  let toldPartitions: string | undefined;
  let toldStored = -1;
  let applied: Assignment | undefined;
  let unassignedAtMs: number | undefined;
  let isEnding = false;
  let endAtMs: number | undefined;
  let finishUntilMs: number | undefined;

  const ackToken = (messageNumber: number) => encodeAckToken({ streamId: watch.id, messageNumber });

  function message(events: readonly LogEvent[], signal?: ConsumeSignal): ConsumeMessage {
    lastSentMs = performance.now();
    return { events, ackToken: ackToken(progress.newestMessage()), ...(signal ? { signal } : {}) };
  }

  function lifetimeNotice(): ConsumeMessage | undefined {
    const nowMs = performance.now();
    const due = lifetime.due(nowMs);
    if (!due) return undefined;
    if ('expiresMs' in due) return message([], { kind: 'access expiring', remainingMs: due.expiresMs });
    isEnding = true;
    if ('announceMs' in due) return message([], { kind: 'draining', reconnectDelayMs: due.announceMs });
    endAtMs ??= nowMs + LAST_ACKNOWLEDGEMENTS_MS;
    if (nowMs < endAtMs && (progress.unacknowledged() > 0 || commits.isBehind())) return undefined;
    const text = 'the server has ended this stream: open the subscription again, on any server';
    throw new StreamError(due.end, text, { announced: true });
  }

  function sourceNotice(): ConsumeMessage | undefined {
    const group = member.source();
    const { available, since } = log.source().available && group?.available === false ? group : log.source();
    if (available === toldAvailable) return undefined;
    toldAvailable = available;
    return message([], { kind: 'source state changed', available, since });
  }

  function assignmentNotice(): ConsumeMessage | undefined {
    const assignment = member.assignment();
    if (!assignment) return unassignedNotice();
    if (assignment === applied) return undefined;
    // Of one assignment only the partitions whose places were open are new.
    if (assignment.over === applied?.over) progress.extend(assignment.committed);
    else progress.assign(assignment.committed);
    applied = assignment;
    unassignedAtMs = undefined;
    reader.reassigned();
    return shareNotice(progress.partitions());
  }

  function unassignedNotice(): ConsumeMessage | undefined {
    applied = undefined;
    watch.state = 'waiting';
    const nowMs = performance.now();
    unassignedAtMs ??= nowMs;
    const isTold = toldPartitions === undefined || nowMs < unassignedAtMs + UNASSIGNED_UNTOLD_MS;
    return isTold ? undefined : shareNotice([]);
  }

  /** The client is told when its share is another one, not of each rebalance. */
  function shareNotice(partitions: readonly number[]): ConsumeMessage | undefined {
    if (toldPartitions === partitions.join()) return undefined;
    toldPartitions = partitions.join();
    return message([], { kind: 'assignment changed', partitions });
  }

  function commitNotice(): ConsumeMessage | undefined {
    if (applied) commits.begin(applied);
    const stored = commits.storedMessage();
    if (stored === toldStored) return undefined;
    toldStored = stored;
    return message([], { kind: 'acknowledged', ackToken: ackToken(stored) });
  }

  function finishOrFail(): void {
    if (finishUntilMs === undefined || performance.now() < finishUntilMs) return;
    throw new StreamError('SOURCE_UNAVAILABLE', 'what was acknowledged last could not be stored');
  }

  function readMessage(): ConsumeMessage | undefined {
    if (!applied) return undefined;
    const mostEvents = isEnding ? 0 : Math.min(parts.maxBatchSize, progress.credit());
    const outcome = reader.next(mostEvents);
    if (outcome) return readNotice(outcome);
    if (reader.backlog() === 0n) watch.state = 'live';
    else if (mostEvents === 0 || reader.pending() || watch.state === 'waiting') watch.state = 'catching up';
    return undefined;
  }

  function readNotice(outcome: ReadOutcome): ConsumeMessage {
    if (outcome.kind === 'events') {
      progress.sent(outcome.events);
      return message(outcome.events);
    }
    const { fromToken, missedEvents } = outcome;
    parts.onMissed(missedEvents);
    return message([], { kind: 'gap', fromToken, missedEvents });
  }

  function heartbeat(): ConsumeMessage | undefined {
    if (performance.now() - lastSentMs < parts.heartbeatMs) return undefined;
    return message([], { kind: 'heartbeat', backlogEvents: reader.backlog() });
  }

  watch.backlog = () => reader.backlog();
  watch.unacknowledged = () => ({ events: progress.unacknowledged(), oldestSentMs: progress.oldestSentMs() });
  return {
    started: () => message([], { kind: 'started', watcherId: watch.id, heartbeatMs: parts.heartbeatMs }),
    next() {
      lookedAtMs = performance.now();
      const failure = member.failure();
      if (failure) throw failure;
      reader.checkTopic();
      const notice = assignmentNotice() ?? commitNotice() ?? lifetimeNotice() ?? sourceNotice();
      if (notice) return notice;
      finishOrFail();
      return readMessage() ?? heartbeat();
    },
    waitMs() {
      const times = [
        lastSentMs + parts.heartbeatMs,
        lifetime.nextAtMs(),
        ...reader.retryTimesMs(),
        endAtMs ?? 0,
        finishUntilMs ?? 0,
        (unassignedAtMs ?? 0) + UNASSIGNED_UNTOLD_MS,
        applied ? commits.dueAtMs() : 0,
      ];
      // Those before have been seen to; one that has come since, by a little, has perhaps not.
      const wakeAtMs = Math.min(...times.filter((atMs) => atMs > lookedAtMs));
      return Math.max(0, wakeAtMs - performance.now());
    },
    applied: () => applied,
    finish() {
      isEnding = true;
      finishUntilMs ??= performance.now() + LAST_COMMIT_MS;
    },
    isFinished: () => finishUntilMs !== undefined && !commits.isBehind(),
  };
}
