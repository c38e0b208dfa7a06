import type { HeldOrders } from '../held/held-orders.ts';
import type { LogEvent } from '../log/log-event.ts';
import type { OrderLogView } from '../log/order-log.ts';
import { StreamError } from '../stream/stream-error.ts';
import type { RegisteredWatch } from '../stream/registered-watch.ts';
import { createSourceNotice } from '../stream/source-notice.ts';
import { createStreamClock } from '../stream/stream-clock.ts';
import { lifetimeSignal, type WatchLifetime } from '../stream/watch-lifetime.ts';
import { encodeAckToken } from './ack-token.ts';
import { createAcknowledgeDeadline } from './acknowledge-deadline.ts';
import { createAppliedShare } from './applied-share.ts';
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
  readonly progress: MemberProgress<LogEvent>;
  readonly held: HeldOrders;
  readonly reader: MemberReader;
  readonly commits: PositionCommits;
  readonly heartbeatMs: number;
  readonly maxBatchSize: number;
  /** The stream ends when something waits longer for its acknowledgement; undefined: it may wait for ever. */
  readonly acknowledgeTimeoutMs: number | undefined;
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

export function createConsumeSteps(parts: ConsumeParts): ConsumeSteps {
  const { watch, lifetime, member, progress, held, reader, commits } = parts;
  const clock = createStreamClock();
  const sourceNotice = createSourceNotice(() => sourceOf(parts));
  let [toldStored, isEnding] = [-1, false];
  let endAtMs: number | undefined;
  let finishUntilMs: number | undefined;

  const deadline = createAcknowledgeDeadline(parts);
  const share = createAppliedShare(parts);
  const ackToken = (messageNumber: number) => encodeAckToken({ streamId: watch.id, messageNumber });

  function message(events: readonly LogEvent[], signal?: ConsumeSignal): ConsumeMessage {
    clock.sent();
    return { events, ackToken: ackToken(progress.newestMessage()), ...(signal ? { signal } : {}) };
  }

  const told = (signal: ConsumeSignal | undefined) => signal && message([], signal);

  function lifetimeNotice(): ConsumeMessage | undefined {
    const nowMs = performance.now();
    const due = lifetime.due(nowMs);
    if (!due) return undefined;
    if (!('expiresMs' in due)) isEnding = true;
    if (!('end' in due)) return told(lifetimeSignal(due));
    endAtMs ??= nowMs + LAST_ACKNOWLEDGEMENTS_MS;
    const isWaiting = unacknowledged() > 0 || commits.isBehind() || held.isBusy();
    if (nowMs < endAtMs && isWaiting) return undefined;
    const text = 'the server has ended this stream: open the subscription again, on any server';
    throw new StreamError(due.end, text, { announced: true });
  }

  function shareNotice(): ConsumeMessage | undefined {
    const partitions = share.update();
    return told(partitions && { kind: 'assignment changed', partitions });
  }

  function commitNotice(): ConsumeMessage | undefined {
    const applied = share.applied();
    if (applied) commits.begin(applied);
    const stored = commits.storedMessage();
    if (stored === toldStored) return undefined;
    toldStored = stored;
    return message([], { kind: 'acknowledged', ackToken: ackToken(stored) });
  }

  function rejectNotice(): ConsumeMessage | undefined {
    const answer = held.takeAnswer();
    return told(answer && { kind: 'rejected', answer });
  }

  function finishOrFail(): void {
    if (finishUntilMs === undefined || performance.now() < finishUntilMs) return;
    throw new StreamError('SOURCE_UNAVAILABLE', 'what was acknowledged last could not be stored');
  }

  function readMessage(): ConsumeMessage | undefined {
    if (!share.applied()) return undefined;
    const credit = Math.max(0, progress.credit() - held.outCount());
    const mostEvents = isEnding ? 0 : Math.min(parts.maxBatchSize, credit);
    const again = mostEvents > 0 ? sendAgain() : undefined;
    if (again) return again;
    for (let outcome = reader.next(mostEvents); outcome; outcome = reader.next(mostEvents)) {
      const notice = readNotice(outcome);
      if (notice) return notice;
    }
    if (reader.backlog() === 0n) watch.state = 'live';
    else if (mostEvents === 0 || reader.pending() || watch.state === 'waiting') watch.state = 'catching up';
    return undefined;
  }

  function sendAgain(): ConsumeMessage | undefined {
    const due = held.due(progress.doneUpTo);
    if (!due) return undefined;
    due.sent(progress.sent([]));
    return message([due.event]);
  }

  /** Undefined for events that are all held. */
  function readNotice(outcome: ReadOutcome): ConsumeMessage | undefined {
    if (outcome.kind === 'events') {
      const events = held.arrive(outcome.events);
      if (events.length === 0) return undefined;
      progress.sent(events);
      return message(events);
    }
    const { fromToken, missedEvents } = outcome;
    parts.onMissed(missedEvents);
    return message([], { kind: 'gap', fromToken, missedEvents });
  }

  function heartbeat(): ConsumeMessage | undefined {
    if (!clock.isSilentFor(parts.heartbeatMs)) return undefined;
    return message([], { kind: 'heartbeat', backlogEvents: reader.backlog() });
  }

  function waitMs(): number {
    const ownMs = [endAtMs ?? 0, finishUntilMs ?? 0, deadline.atMs(), ...share.timesMs()];
    return clock.waitMs(parts.heartbeatMs, [lifetime.nextAtMs(), ...reader.retryTimesMs(), ...ownMs]);
  }

  watch.held = held.view;
  watch.backlog = () => reader.backlog();
  const unacknowledged = () => progress.unacknowledged() + held.outCount();
  watch.unacknowledged = () => ({ events: unacknowledged(), oldestSentMs: deadline.oldestSentMs() });
  return {
    started: () => message([], { kind: 'started', watcherId: watch.id, heartbeatMs: parts.heartbeatMs }),
    next() {
      clock.looks();
      const failure = member.failure() ?? held.failure();
      if (failure) throw failure;
      reader.checkTopic();
      const notice =
        shareNotice() ?? rejectNotice() ?? commitNotice() ?? lifetimeNotice() ?? told(sourceNotice());
      if (notice) return notice;
      finishOrFail();
      deadline.check();
      return readMessage() ?? heartbeat();
    },
    waitMs,
    applied: share.applied,
    finish() {
      isEnding = true;
      finishUntilMs ??= performance.now() + LAST_COMMIT_MS;
    },
    isFinished: () => finishUntilMs !== undefined && !commits.isBehind() && !held.isBusy(),
  };
}

/** The group's coordinator is a source as the log is. */
function sourceOf({ log, member }: Pick<ConsumeParts, 'log' | 'member'>) {
  const group = member.source();
  return log.source().available && group?.available === false ? group : log.source();
}
