import type { OrderFilter } from '@order-events/order-stream';
import type { Logger } from '@order-events/runtime';
import type { CallContext } from 'nice-grpc';
import type { GatewayMetrics } from '../gateway-metrics.ts';
import type { LogEvent } from '../log/log-event.ts';
import { StreamError } from '../stream/stream-error.ts';
import type { RegisteredWatch } from '../stream/registered-watch.ts';
import { createWatchLifetime, type WatchLifetime } from '../stream/watch-lifetime.ts';
import type { WatchRegistry } from '../stream/watch-registry.ts';
import type { CallerContext } from './call-access.ts';
import type { CallWires } from './call-wires.ts';

/** What streams of both kinds need to be served. */
export interface ServedStreamOptions {
  readonly watches: WatchRegistry;
  readonly wires: Pick<CallWires, 'find'>;
  readonly maxWatchAgeMs: number;
  readonly metrics: GatewayMetrics;
  readonly log: Logger;
}

/** What a stream is opened with. */
interface ServedRequest {
  /** Empty for a view. */
  readonly subscription: string;
  /** As it was received. Its filter becomes the one that is shared with the streams that ask for the same. */
  readonly message: { filter?: OrderFilter | undefined };
  /** What is kept of it beside the filter. */
  readonly otherBytes: number;
}

/** What a stream sends, before it is encoded. */
interface ServedMessage {
  readonly events: readonly LogEvent[];
  /** Only a token that a client can resume a watch with. */
  readonly resumeToken?: string;
}

/**
 * Serves one stream from its beginning to its end: registers it, so that it is counted, listed, drained and can be ended from
 * outside; counts and encodes what `open` yields. `open` gets the registered stream, whose `state` and `backlog` it keeps up to
 * date, and the lifetime it must obey.
 */
export async function* serveStream<Message extends ServedMessage>(
  { subscription, message: asked, otherBytes }: ServedRequest,
  context: CallContext & CallerContext,
  { watches, wires, maxWatchAgeMs, metrics, log }: ServedStreamOptions,
  open: (watch: RegisteredWatch, lifetime: WatchLifetime) => AsyncIterable<Message>,
  encode: (message: Message) => Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { peer, caller } = context;
  const wire = wires.find(context.metadata);
  if (!wire) throw new Error('the call is over before it has begun');
  const watch = watches.add({ peer, caller, subscription, filter: asked.filter, otherBytes, wire });
  // The message is held elsewhere for as long as the call goes on: now it holds nothing of its own any more.
  asked.filter = watch.request.filter;
  const startedAtMs = performance.now();
  const drainWindowMs = () => watches.drainWindowMs();
  const expiresAtMs = caller && startedAtMs + caller.principal.expiresAtMs - Date.now();
  const lifetime = createWatchLifetime({ startedAtMs, maxAgeMs: maxWatchAgeMs, drainWindowMs, expiresAtMs });
  let reason = 'CLIENT_GONE';
  try {
    for await (const message of open(watch, lifetime)) {
      metrics.sent(message, watch.state);
      watch.sending(message.events.length, message.resumeToken);
      yield encode(message);
    }
    // A consumer has sent its last request, and got all that it was to get.
    if (!context.signal.aborted) reason = 'FINISHED';
  } catch (error: unknown) {
    reason = error instanceof StreamError ? error.reason : 'FAILED';
    if (reason.startsWith('RESUME_TOKEN_')) metrics.tokenRejected(reason);
    if (error instanceof StreamError && error.announced) metrics.streamEnded(error.reason);
    throw error;
  } finally {
    watches.remove(watch);
    const { id: watcherId, state } = watch;
    const durationMs = Math.round(performance.now() - startedAtMs);
    log.info(
      { watcherId, peer, subscription, state, durationMs, reason: watch.endedBy?.reason ?? reason },
      'stream ended',
    );
  }
}
