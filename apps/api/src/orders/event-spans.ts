import type { OrderEvent } from '@order-events/domain';
import { isSampled, type TraceCarrier, type Tracing } from '@order-events/runtime';

/** What the topic is called unless somebody says otherwise: the API is not told. */
const DESTINATION = 'orders.events';

/** The spans in which the events of one change are created. */
export interface EventSpans {
  /** What each event carries: its creation context, which nobody changes any more. */
  readonly carriers: readonly TraceCarrier[];
  /** Ends the spans with `work`, whose result it is. */
  until<Result>(work: Promise<Result>): Promise<Result>;
}

/** Undefined where the request is not recorded: its own context goes on then. */
export function startEventSpans(
  tracing: Tracing,
  events: readonly OrderEvent[],
  request: TraceCarrier,
): EventSpans | undefined {
  if (!isSampled(request.traceparent)) return undefined;
  const spans = events.map((event) =>
    tracing.startSpan({
      name: `create ${DESTINATION}`,
      kind: 'producer',
      parent: request,
      attributes: {
        'messaging.system': 'kafka',
        'messaging.operation.name': 'create',
        'messaging.operation.type': 'create',
        'messaging.destination.name': DESTINATION,
        'messaging.message.id': event.eventId,
        'messaging.kafka.message.key': event.order.orderId,
      },
    }),
  );
  return {
    carriers: spans.map(({ traceparent, tracestate }) => ({ traceparent, tracestate })),
    async until(work) {
      let error: string | undefined;
      try {
        return await work;
      } catch (failure) {
        error = failure instanceof Error ? failure.name : '_OTHER';
        throw failure;
      } finally {
        for (const span of spans) span.end({ error });
      }
    },
  };
}
