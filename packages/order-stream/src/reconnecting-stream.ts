import { createBackoff } from '@order-events/runtime/backoff';
import { sleep } from '@order-events/runtime/sleep';
import { ClientError } from 'nice-grpc-common';
import {
  type MessageStream,
  LONGEST_DELAY_MS,
  openMessageStream,
  type OpenCall,
  type Received,
  type StreamEnd,
} from './message-stream.ts';
import type { Connector } from './order-stream-connection.ts';
import { OrderStreamError, verdictOn } from './order-stream-error.ts';
import { createStreamPace, type StreamMessage, type StreamPace } from './stream-pace.ts';

/** What both kinds of streams can be told. What a function of it throws is an interruption like any other. */
export interface StreamOptions {
  /** host:port of a gateway; a function is asked before each connection. */
  readonly address: string | (() => string);
  /** Longest silence of a healthy server; it holds this between 1 s and 60 s. Default 15 s. Three of them end the connection. */
  readonly heartbeatIntervalMs?: number;
  /** Most events in one message; default is the server's. */
  readonly maxBatchSize?: number;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
  /** An event is not told twice among so many; default 10,000. */
  readonly rememberedEvents?: number;
  /** Bounds of the jittered pause before the next connection, which doubles with each failure; defaults 100 ms and 10 s. */
  readonly minRetryDelayMs?: number;
  readonly maxRetryDelayMs?: number;
  /**
   * How long refusals are tried again that carry nothing of a gateway's, because a proxy said them or the answer cannot be read. Default
   * 5 minutes; 0 takes the first one for final. A gateway's own refusals are final at once, one that is away is waited for for ever.
   */
  readonly refusalPatienceMs?: number;
  /** Told each time that the stream was lost, before the pause. */
  readonly onInterruption?: (cause: unknown, retryDelayMs: number) => void;
}

/** How a stream is begun and left; asked for each connection. */
export interface StreamKind<Message> {
  readonly open: OpenCall<Message>;
  /**
   * Whether nothing is lost with a stream that is left: one that drains is of no more use then. Without it the server ends such a stream, or
   * the time that it told.
   */
  readonly isDrained?: () => boolean;
  /** The last thing with each stream, whoever ended it. */
  readonly beforeClose?: (stream: MessageStream<Message>) => Promise<void>;
  /** Told before the next stream is opened; the token says where the server stood, when it said so. */
  readonly onEnd?: (resumeToken: string | undefined) => void;
}

export const DEFAULT_REMEMBERED_EVENTS = 10_000;
const DEFAULT_HEARTBEAT_MS = 15_000;
export const DEFAULT_MIN_RETRY_DELAY_MS = 100;
export const DEFAULT_MAX_RETRY_DELAY_MS = 10_000;
const DEFAULT_REFUSAL_PATIENCE_MS = 300_000;

/**
 * The messages of one stream after another, for as long as they are iterated: whatever ends a stream, the next one is opened after
 * a pause. Ends without an error when `signal` aborts. Throws an OrderStreamError when no retry can mend the refusal.
 */
export async function* reconnectingStream<Message extends StreamMessage>(
  options: StreamOptions,
  connector: Connector,
  kind: StreamKind<Message>,
): AsyncGenerator<Message, void, undefined> {
  const { address, signal, onInterruption } = options;
  const backoff = createBackoff({
    baseMs: options.minRetryDelayMs ?? DEFAULT_MIN_RETRY_DELAY_MS,
    maxMs: options.maxRetryDelayMs ?? DEFAULT_MAX_RETRY_DELAY_MS,
  });
  const isRenewable = connector.areCredentialsRenewable;
  const patience = createRefusalPatience(options, isRenewable);
  const connect = () => connector.connect(typeof address === 'string' ? address : address());
  while (!signal?.aborted) {
    const pace = createStreamPace(options.heartbeatIntervalMs ?? DEFAULT_HEARTBEAT_MS);
    const stream = openMessageStream(connect, kind.open);
    let end: StreamEnd | undefined;
    try {
      while (!end) {
        const received = await receiveNext(stream, kind, { pace, isRenewable, signal });
        if (!received) return;
        if ('end' in received) {
          end = received.end;
          continue;
        }
        const { message } = received;
        pace.note(message);
        // A stream that is only registered may still fail for the same reason as the one before.
        if (message.signal?.$case !== 'started') {
          backoff.reset();
          patience.reset();
        }
        yield message;
      }
    } finally {
      await kind.beforeClose?.(stream);
      await stream.close();
    }
    const { cause, details, resumeToken } = end;
    if (patience.isOver(end) && cause instanceof ClientError) throw new OrderStreamError(cause, details);
    kind.onEnd?.(resumeToken);
    const toldDelayMs = Math.max(details.retryDelayMs ?? 0, pace.untilReconnectMs());
    const retryDelayMs = Math.min(Math.max(backoff.nextDelayMs(), toldDelayMs), LONGEST_DELAY_MS);
    onInterruption?.(cause, retryDelayMs);
    await sleep(retryDelayMs, signal);
  }
}

/** The next message, or the end: the server's, or a reason to leave; undefined when `signal` aborts first. */
async function receiveNext<Message>(
  stream: MessageStream<Message>,
  { isDrained }: Pick<StreamKind<Message>, 'isDrained'>,
  { pace, isRenewable, signal }: { pace: StreamPace; isRenewable: boolean; signal: AbortSignal | undefined },
): Promise<Received<Message> | undefined> {
  if (pace.isDraining() && isDrained?.()) return left('the server drains');
  // What was sent and not acknowledged would come again, so the server ends such a stream, when the token does.
  const isLeavable = isRenewable && (isDrained?.() ?? true);
  const isDue = () => isLeavable && pace.isRenewalDue();
  if (isDue()) return left('the token of the call expires soon');
  // Timers may fire a moment too early.
  const renewalMs = isLeavable ? Math.max(0, pace.untilRenewalMs()) + 2 : Number.POSITIVE_INFINITY;
  const received = await stream.receive(Math.min(pace.patienceMs(), renewalMs), signal);
  const isSilent = received && 'end' in received && !(received.end.cause instanceof ClientError);
  return isSilent && isDue() ? left('the token of the call expires soon') : received;
}

/** The end of a stream that the client leaves. */
function left(why: string): { readonly end: StreamEnd } {
  return { end: { cause: new Error(why), details: {}, resumeToken: undefined } };
}

/** Tells which failure to give up at. */
function createRefusalPatience(
  { refusalPatienceMs = DEFAULT_REFUSAL_PATIENCE_MS }: StreamOptions,
  isRenewable: boolean,
): { isOver(end: StreamEnd): boolean; reset(): void } {
  let areRenewed = false;
  let unexplainedSinceMs: number | undefined;
  return {
    isOver({ cause, details }) {
      const verdict = verdictOn(cause, details);
      if (verdict !== 'unexplained') unexplainedSinceMs = undefined;
      else unexplainedSinceMs ??= performance.now();
      if (verdict === 'unauthenticated') {
        const isOver = areRenewed || !isRenewable;
        areRenewed = true;
        return isOver;
      }
      const isTooLong =
        unexplainedSinceMs !== undefined && performance.now() - unexplainedSinceMs >= refusalPatienceMs;
      return verdict === 'final' || isTooLong;
    },
    reset() {
      areRenewed = false;
      unexplainedSinceMs = undefined;
    },
  };
}
