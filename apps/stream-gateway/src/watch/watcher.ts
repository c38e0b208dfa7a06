import { setImmediate as nextTurn } from 'node:timers/promises';
import { type LogReader, OffsetOutOfRangeError } from '@order-events/messaging';
import type { EventBlock } from '../log/event-block.ts';
import type { History } from '../log/history.ts';
import type { OrderLogView } from '../log/order-log.ts';
import { StreamError } from '../stream-error.ts';
import { createBackgroundRead } from './background-read.ts';
import type { EventFilter } from './event-filter.ts';
import { createLiveEdge } from './live-edge.ts';
import type { LogPosition } from './log-position.ts';
import type { RegisteredWatch } from './registered-watch.ts';
import { readGroup, type SharedBatches } from './shared-batches.ts';
import { type StartPosition, startPoint } from './start-position.ts';
import type { WatchLifetime } from './watch-lifetime.ts';
import type { WatchMessage, WatchSignal } from './watch-message.ts';
import { createWatchPlace } from './watch-place.ts';

export interface WatchRequest {
  readonly filter: EventFilter;
  readonly start: StartPosition;
  readonly allowGap: boolean;
  readonly heartbeatMs: number;
  readonly maxBatchSize: number;
}

/** What streams read from. */
export interface WatchSources {
  readonly log: OrderLogView;
  readonly batches: SharedBatches;
  readonly history: History;
  /** Tells where the log begins and ends. */
  readonly reader: Pick<LogReader, 'offsets'>;
  /** Told of a read that will be tried again. */
  readonly onReadFailure: (error: unknown) => void;
}

/** Up to 17 messages wait in the server for a slow client: they must be small. */
const LIMITS_OF_ALL = { maxBytes: 32 * 1024, maxScanned: 4_000 };
/** So many events that did not match are worth a new token. */
const MAX_SCANNED_SILENTLY = 20_000;

/**
 * One stream: a cursor that pulls from the log, whether the events are in the ring or in history, and never further than its client
 * takes them. It holds no events between two messages. Ends when `signal` aborts; throws a StreamError when it cannot go on.
 */
export async function* watchLog(
  request: WatchRequest,
  watch: RegisteredWatch,
  lifetime: WatchLifetime,
  sources: WatchSources,
  signal: AbortSignal,
): AsyncGenerator<WatchMessage, void, undefined> {
  const steps = createWatchSteps(request, watch, lifetime, sources);
  yield steps.started();
  while (!signal.aborted) {
    const message = steps.next();
    if (message) yield message;
    else if (steps.hasMore()) await nextTurn();
    else await sources.log.changed(steps.waitMs(), signal, steps.pending(), () => steps.isDue());
  }
}

interface WatchSteps {
  started(): WatchMessage;
  /** The message that is due now; undefined when there is none. Throws a StreamError when the stream must end. */
  next(): WatchMessage | undefined;
  /** Whether `next` has something to do; if not, it has been done. Never throws. */
  isDue(): boolean;
  /** Whether `next` stopped only to let others work. */
  hasMore(): boolean;
  /** How long there is nothing to do unless the log changes. */
  waitMs(): number;
  /** A read from Kafka that is under way. */
  pending(): Promise<void> | undefined;
}

function createWatchSteps(
  request: WatchRequest,
  watch: RegisteredWatch,
  lifetime: WatchLifetime,
  { log, batches, history, reader, onReadFailure }: WatchSources,
): WatchSteps {
  const group = readGroup(request.filter, { ...LIMITS_OF_ALL, maxEvents: request.maxBatchSize });
  const start = startPoint(request.start, log, Date.now());
  const place = createWatchPlace(start, log, reader, request.allowGap);
  const edge = createLiveEdge(watch, log, batches, place);
  watch.backlog = () => place.backlog();
  const reading = createBackgroundRead<WatchMessage | undefined>(readFailed);
  let toldAvailable = true;
  let lastSentMs = performance.now();
  let scannedSilently = 0;
  let hasMore = false;
  let lookedAtMs = 0;
  let loaded: EventBlock | undefined;

  function sent(message: WatchMessage): WatchMessage {
    lastSentMs = performance.now();
    scannedSilently = 0;
    return message;
  }

  function told(signal: WatchSignal | undefined): WatchMessage | undefined {
    return signal && sent({ events: [], resumeToken: place.token(), signal });
  }

  function lifetimeNotice(): WatchMessage | undefined {
    const due = lifetime.due(performance.now());
    if (!due) return undefined;
    if ('announceMs' in due) return told({ kind: 'draining', reconnectDelayMs: due.announceMs });
    const text = 'the server has ended this stream: go on with the resume token, on any server';
    throw new StreamError(due.end, text, { details: { resume_token: place.token() }, announced: true });
  }

  function sourceNotice(): WatchMessage | undefined {
    const { available, since } = log.source();
    if (available === toldAvailable) return undefined;
    toldAvailable = available;
    return told({ kind: 'source state changed', available, since });
  }

  function readFailed(error: unknown): void {
    if (error instanceof StreamError) throw error;
    // Locating finds out whether the events are gone for good.
    if (error instanceof OffsetOutOfRangeError) place.leave();
    else onReadFailure(error);
  }

  function locate(): void {
    if (!log.topic() || reading.pending() || place.locateInRing() || !log.source().available) return;
    reading.begin(
      () => place.locateInLog(),
      (located) => {
        place.arrive(located);
        return located.gap && told({ kind: 'gap', ...located.gap });
      },
    );
  }

  function loadHistory(partition: number, offset: bigint): void {
    const topicId = log.topic()?.id;
    if (topicId === undefined || !log.source().available) return;
    reading.begin(
      () => history.read(topicId, partition, offset),
      (block) => {
        if (log.topic()?.id === topicId) loaded = block;
        return undefined;
      },
    );
  }

  function nextBatch(position: LogPosition): WatchMessage | undefined {
    const batch = batches.read(position, group, loaded);
    loaded = undefined;
    place.advance(batch.after);
    if (batch.message) return sent(batch.message);
    scannedSilently += batch.scanned;
    hasMore = batch.full;
    const { belowRing } = batch;
    if (!hasMore && belowRing !== undefined) loadHistory(belowRing, batch.after.next[belowRing] ?? 0n);
    return undefined;
  }

  function logMessage(): WatchMessage | undefined {
    if (place.position() && !place.isCurrent()) place.leave();
    if (!place.position()) locate();
    const position = place.position();
    return position && (told(edge.notice(position)) ?? nextBatch(position) ?? told(edge.caughtUp()));
  }

  function heartbeat(): WatchMessage | undefined {
    const isDue =
      performance.now() - lastSentMs >= request.heartbeatMs || scannedSilently >= MAX_SCANNED_SILENTLY;
    return isDue ? told({ kind: 'heartbeat', backlogEvents: place.backlog() }) : undefined;
  }

  const ahead = createLookAhead(() => {
    hasMore = false;
    lookedAtMs = performance.now();
    return lifetimeNotice() ?? sourceNotice() ?? reading.take() ?? logMessage() ?? heartbeat();
  });

  return {
    started: () => ({
      events: [],
      resumeToken: place.token(),
      signal: { kind: 'started', watcherId: watch.id, heartbeatMs: request.heartbeatMs },
    }),
    next: ahead.take,
    isDue: () => ahead.look() || hasMore || reading.pending() !== undefined,
    hasMore: () => hasMore,
    waitMs() {
      const nowMs = performance.now();
      const wakeAtMs = Math.min(lastSentMs + request.heartbeatMs, lifetime.nextAtMs());
      const retryAtMs = reading.retryAtMs();
      // A time before the look has been seen to, one that has come since perhaps not.
      return Math.max(0, (retryAtMs > lookedAtMs ? Math.min(wakeAtMs, retryAtMs) : wakeAtMs) - nowMs);
    },
    pending: () => reading.pending(),
  };
}

/** Takes a step before its turn, and keeps what it came to until then. */
function createLookAhead(step: () => WatchMessage | undefined): {
  take(): WatchMessage | undefined;
  /** Whether there is something to take. Never throws: what the step throws, `take` throws. */
  look(): boolean;
} {
  let outcome: (() => WatchMessage) | undefined;
  return {
    take() {
      const take = outcome ?? step;
      outcome = undefined;
      return take();
    },
    look() {
      try {
        const message = step();
        if (message) outcome = () => message;
      } catch (error: unknown) {
        outcome = () => {
          throw error;
        };
      }
      return outcome !== undefined;
    },
  };
}
