import { type LogReader, OffsetOutOfRangeError } from '@order-events/messaging';
import type { EventBlock } from '../log/event-block.ts';
import type { History } from '../log/history.ts';
import type { HistoryReader } from '../log/history-pass.ts';
import type { HistoryPlace } from '../log/history-turn.ts';
import type { LogEdge } from '../log/log-edge.ts';
import type { OrderLogView } from '../log/order-log.ts';
import { StreamError } from '../stream/stream-error.ts';
import { createBackgroundRead } from '../log/background-read.ts';
import { LogBehindError } from '../log/current-ends.ts';
import type { EventFilter } from '../log/event-filter.ts';
import { type CompleteMarks, createStreamCompleteness } from '../complete/stream-completeness.ts';
import { type EdgeSeat, type EdgeSeats, MAX_PASSED_SILENTLY } from './edge-seats.ts';
import { createEdgeAtStart } from './edge-at-start.ts';
import { createLiveEdge } from './live-edge.ts';
import { type LogPosition, positionAt } from '../position/log-position.ts';
import type { RegisteredWatch } from '../stream/registered-watch.ts';
import { readGroup, type SharedBatches } from './shared-batches.ts';
import { type StartPosition, startPoint } from '../position/start-position.ts';
import { createSourceNotice } from '../stream/source-notice.ts';
import { createStreamClock } from '../stream/stream-clock.ts';
import { runStream, type StreamSteps } from '../stream/stream-loop.ts';
import { lifetimeSignal, type WatchLifetime } from '../stream/watch-lifetime.ts';
import type { WatchMessage, WatchSignal } from './watch-message.ts';
import { createWatchPlace } from './watch-place.ts';

export interface WatchRequest {
  readonly filter: EventFilter;
  readonly start: StartPosition;
  readonly allowGap: boolean;
  readonly heartbeatMs: number;
  readonly maxBatchSize: number;
  /** Whether a heartbeat comes sooner when many events were passed by: it tells that there were so many. */
  readonly tellsPassed?: boolean;
  /** Ends when it has delivered what the log had when it was registered. */
  readonly untilCaughtUp?: boolean;
}

/** What streams read from. */
export interface WatchSources {
  readonly log: OrderLogView;
  readonly batches: SharedBatches;
  readonly seats: EdgeSeats;
  readonly history: History;
  readonly complete: CompleteMarks;
  /** Tells where the log begins and ends. */
  readonly reader: Pick<LogReader, 'ends' | 'place'>;
  /** Told of a read that will be tried again. */
  readonly onReadFailure: (error: unknown) => void;
}

/** Up to 17 messages wait in the server for a slow client: they must be small. */
const LIMITS_OF_ALL = { maxBytes: 32 * 1024, maxScanned: 4_000 };

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
  const seat = sources.seats.open(request.filter, signal);
  const past = sources.history.join();
  try {
    yield* runStream(createWatchSteps(request, watch, lifetime, sources, seat, past), signal);
  } finally {
    past.leave();
    seat.close();
  }
}

function createWatchSteps(
  request: WatchRequest,
  watch: RegisteredWatch,
  lifetime: WatchLifetime,
  { log, batches, complete, reader, onReadFailure }: WatchSources,
  seat: EdgeSeat,
  past: HistoryReader,
): StreamSteps<WatchMessage> {
  const group = readGroup(request.filter, { ...LIMITS_OF_ALL, maxEvents: request.maxBatchSize });
  const place = createWatchPlace(startPoint(request.start, log, Date.now()), log, reader, request.allowGap);
  const completeness = createStreamCompleteness(complete, place.position);
  watch.backlog = () => place.backlog();
  const reading = createBackgroundRead<WatchMessage | undefined>(readFailed);
  const end = request.untilCaughtUp ? createEdgeAtStart(log, reader, reading) : undefined;
  const edge = createLiveEdge(watch, log, batches, place, end);
  // The first one comes sooner, so that streams that began together are not told together ever after.
  let heartbeatMs = request.heartbeatMs * (1 - Math.random() / 2);
  const clock = createStreamClock();
  const sourceNotice = createSourceNotice(log.source);
  let [hasMore, isFinished, scannedSilently] = [false, false, 0];
  let loaded: { readonly epoch: number; readonly block: EventBlock } | undefined;

  function sent(message: WatchMessage): WatchMessage {
    clock.sent();
    scannedSilently = 0;
    return message;
  }

  function told(signal: WatchSignal | undefined): WatchMessage | undefined {
    if (request.untilCaughtUp && signal?.kind === 'caught up') isFinished = true;
    return signal && sent({ events: [], resumeToken: place.token(), signal: completeness.told(signal) });
  }

  function lifetimeNotice(): WatchMessage | undefined {
    const due = lifetime.due(performance.now());
    if (!due || !('end' in due)) return due && told(lifetimeSignal(due));
    const text = 'the server has ended this stream: go on with the resume token, on any server';
    throw new StreamError(due.end, text, { details: { resume_token: place.token() }, announced: true });
  }

  function readFailed(error: unknown): void {
    if (error instanceof StreamError) throw error;
    // Locating finds out whether the events are gone for good.
    if (error instanceof OffsetOutOfRangeError) place.leave();
    else if (!(error instanceof LogBehindError)) onReadFailure(error);
  }

  function locate(): void {
    if (!log.topic() || reading.pending() || place.locateInRing() || !log.source().available) return;
    reading.begin(
      () => place.locateInLog(),
      (located) => (place.arrive(located) && located.gap ? told({ kind: 'gap', ...located.gap }) : undefined),
    );
  }

  function loadHistory(places: readonly HistoryPlace[]): void {
    if (!log.source().available) return;
    const epoch = log.epoch();
    reading.begin(
      () => past.read(epoch, places),
      (block) => {
        loaded = { epoch, block };
        return undefined;
      },
    );
  }

  function nextBatch(position: LogPosition): WatchMessage | undefined {
    // What was read of a log that has been cut or replaced since is not in it any more.
    const batch = batches.read(position, group, loaded?.epoch === log.epoch() ? loaded.block : undefined);
    loaded = undefined;
    place.advance(batch.after);
    if (batch.message) return sent(batch.message);
    if (batch.missed !== undefined) {
      if (!request.allowGap) throw eventsUnreadable(place.token(), batch.missed);
      return told({ kind: 'gap', fromToken: position.token(), missedEvents: batch.missed });
    }
    scannedSilently += batch.scanned;
    hasMore = batch.full;
    const places = batch.belowRing.map((partition) => ({
      partition,
      offset: batch.after.next[partition] ?? 0n,
    }));
    if (!hasMore && places.length > 0) loadHistory(places);
    return undefined;
  }

  function logMessage(): WatchMessage | undefined {
    if (place.position() && !place.isCurrent()) place.leave();
    if (!place.position()) locate();
    const position = place.position();
    // Who is live and has read everything has been told so.
    if (watch.state === 'live' && isAt(position, log.edge())) return undefined;
    return position && (told(edge.notice(position)) ?? nextBatch(position) ?? told(edge.caughtUp()));
  }

  function heartbeat(): WatchMessage | undefined {
    const hasPassedMany = request.tellsPassed !== false && scannedSilently >= MAX_PASSED_SILENTLY;
    if (!clock.isSilentFor(heartbeatMs) && !hasPassedMany && !completeness.isDue(heartbeatMs))
      return undefined;
    ({ heartbeatMs } = request);
    return told({ kind: 'heartbeat', backlogEvents: place.backlog() });
  }

  function waitMs(): number {
    const lookAgainMs = [reading.retryAtMs(), place.lookAgainAtMs(), end?.askAgainAtMs() ?? 0];
    return clock.waitMs(heartbeatMs, [lifetime.nextAtMs(), ...lookAgainMs]);
  }

  return {
    started: () => ({
      events: [],
      resumeToken: place.token(),
      signal: { kind: 'started', watcherId: watch.id, heartbeatMs: request.heartbeatMs },
    }),
    next() {
      hasMore = false;
      if (isFinished) return undefined;
      scannedSilently += seat.takePassed();
      clock.looks();
      const isDue = completeness.isDue(heartbeatMs);
      const notice = lifetimeNotice() ?? told(sourceNotice()) ?? reading.take();
      return notice ?? (isDue ? heartbeat() : undefined) ?? logMessage() ?? heartbeat();
    },
    isFinished: () => isFinished,
    hasMore: () => hasMore,
    wait(signal) {
      if (!reading.pending()) past.leave();
      const isIdle = watch.state === 'live' && !reading.pending() && isAt(place.position(), log.edge());
      if (!isIdle) return log.changed(waitMs(), signal, reading.pending());
      place.rest(seat.position);
      return seat.rest(waitMs());
    },
  };
}

function isAt(position: LogPosition | undefined, edge: LogEdge | undefined): boolean {
  return edge !== undefined && position === positionAt(edge);
}

function eventsUnreadable(tokenBehind: string, missedEvents: bigint): StreamError {
  return new StreamError(
    'EVENTS_UNREADABLE',
    'the log cannot be read at this place: take up behind it at earliest_token, or set allow_gap to be told what was missed',
    { details: { earliest_token: tokenBehind, missed_events: String(missedEvents) } },
  );
}
