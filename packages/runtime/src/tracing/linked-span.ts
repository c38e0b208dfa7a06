import type { RunningSpan, SpanLink, SpanStart, Tracing } from './tracing.ts';

/** Of one span; as OpenTelemetry's default (OTEL_SPAN_LINK_COUNT_LIMIT). */
export const MAX_SPAN_LINKS = 128;

/**
 * A span about several events, which may be of different traces: it links to the creation context of each, the first 128. When all of
 * them have one creation context it is the parent as well, so that what happens to an event that travels alone is one trace; otherwise
 * the span begins a trace of its own.
 */
export function startLinkedSpan(
  tracing: Tracing,
  start: Omit<SpanStart, 'parent' | 'links'>,
  created: readonly SpanLink[],
  more: readonly SpanLink[] = [],
): RunningSpan {
  const [first] = created;
  const isOne = created.every(({ traceparent }) => traceparent === first?.traceparent);
  return tracing.startSpan({
    ...start,
    parent: isOne ? first : undefined,
    links: [...more, ...created].slice(0, MAX_SPAN_LINKS),
  });
}
