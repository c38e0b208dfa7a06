import {
  type ConnectionOptions,
  OrderEventType,
  startProcessSpan,
  watchOrders,
} from '@order-events/order-stream';
import type { Logger, Tracing } from '@order-events/runtime';
import { NOTIFIED_STATUSES, notificationOf } from './notification.ts';
import type { Sender } from './sender.ts';
import type { TokenFile } from './token-file.ts';

export interface NotifyOptions {
  /** host:port of the stream gateway. */
  readonly gateway: string;
  /** How it is spoken to; without TLS and token unless it says so. */
  readonly connection?: Pick<ConnectionOptions, 'tls' | 'token'>;
  readonly tokens: TokenFile;
  readonly send: Sender;
  /** Makes a span of each notification, in the trace of the request that caused it. */
  readonly tracing?: Tracing | undefined;
  readonly log: Logger;
}

/**
 * Tells customers about their orders until `signal` aborts (it may reject with the signal's reason then): first the notifications of a message, then its token. Whatever ends the
 * process in between, the next one sees the events of that message again, with the same ids, and none is left out.
 */
export async function notify(
  { gateway, connection, tokens, send, tracing, log }: NotifyOptions,
  signal: AbortSignal,
): Promise<void> {
  const token = await tokens.read();
  const messages = watchOrders({
    address: gateway,
    ...connection,
    filter: { statuses: NOTIFIED_STATUSES, eventTypes: [OrderEventType.STATUS_CHANGED] },
    // Nobody wants to hear of what happened before there were notifications.
    start: token === undefined ? { $case: 'latest', value: true } : { $case: 'resumeToken', value: token },
    // After longer than the log is kept, say so and go on with what is left.
    allowGap: true,
    signal,
    onInterruption: (reason, retryDelayMs) => log.warn({ reason, retryDelayMs }, 'the watch was interrupted'),
  });
  for await (const { events, signal: told, resumeToken } of messages) {
    if (told?.$case === 'gap')
      log.error({ missedEvents: String(told.value.missedEvents) }, 'events were missed');
    for (const event of events) {
      const span = startProcessSpan(event, { tracing });
      await send(notificationOf(event), signal);
      span?.end();
    }
    await tokens.write(resumeToken);
  }
}
