// Loaded only where spans are made: nothing else of the product may import it, or OpenTelemetry (`make check`).
import {
  createTraceState,
  type Attributes,
  type Context,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { createSampler } from './sampler.ts';
import { createSpanQueue, type SpanLoss } from './span-queue.ts';
import { parsePairs, type TracingSettings } from './tracing-config.ts';
import {
  isSampled,
  type RunningSpan,
  type SpanAttributes,
  type SpanLink,
  type SpanStart,
  type TraceCarrier,
  type Tracing,
  unrecordedSpan,
} from './tracing.ts';

export interface SdkTracing extends Tracing {
  /** Sends what waits, and nothing after that. */
  stop(): Promise<void>;
}

export interface SdkTracingOptions {
  readonly url: string;
  readonly settings: TracingSettings;
  readonly service: string;
  readonly version: string;
  readonly onLost: (count: number, why: SpanLoss, error?: Error) => void;
}

const KINDS: Readonly<Record<SpanStart['kind'], SpanKind>> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};
/** The version of the conventions that names and attributes are of. */
const SCHEMA_URL = 'https://opentelemetry.io/schemas/1.44.0';

export function createSdkTracing({ url, settings, service, version, onLost }: SdkTracingOptions): SdkTracing {
  const headers = parsePairs(settings.OTEL_EXPORTER_OTLP_HEADERS ?? '');
  const provider = new TracerProvider({
    sampler: createSampler(settings.OTEL_TRACES_SAMPLER, settings.OTEL_TRACES_SAMPLER_ARG),
    resource: defaultResource().merge(
      resourceFromAttributes({
        'service.version': version,
        ...parsePairs(settings.OTEL_RESOURCE_ATTRIBUTES ?? ''),
        'service.name': settings.OTEL_SERVICE_NAME ?? service,
      }),
    ),
    spanProcessors: [
      createSpanQueue({
        exporter: new OTLPTraceExporter({
          url,
          ...(headers && { headers }),
          timeoutMillis: settings.OTEL_EXPORTER_OTLP_TIMEOUT,
        }),
        maxWaiting: settings.OTEL_BSP_MAX_QUEUE_SIZE,
        intervalMs: settings.OTEL_BSP_SCHEDULE_DELAY,
        onLost,
      }),
    ],
  });
  const followsParents = settings.OTEL_TRACES_SAMPLER.startsWith('parentbased_');
  const tracer = provider.getTracer('order-events', version, { schemaUrl: SCHEMA_URL });
  return {
    startSpan({ name, kind, parent, links = [], attributes, startTimeMs }) {
      // The sampler would say the same.
      if (parent && followsParents && !isSampled(parent.traceparent)) return unrecordedSpan(parent);
      const span = tracer.startSpan(
        name,
        {
          kind: KINDS[kind],
          links: links.map(linkOf).filter(({ context }) => isSpanContextValid(context)),
          ...(attributes && { attributes: present(attributes) }),
          ...(startTimeMs !== undefined && { startTime: startTimeMs }),
        },
        contextOf(parent),
      );
      return runningSpan(span, parent);
    },
    stop: () => provider.shutdown(),
  };
}

function runningSpan(span: Span, parent: TraceCarrier | undefined): RunningSpan {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const flags = traceFlags.toString(16).padStart(2, '0');
  return {
    traceparent: `00-${traceId}-${spanId}-${flags}`,
    tracestate: parent?.tracestate,
    isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0,
    end({ name, attributes, error } = {}) {
      if (name !== undefined) span.updateName(name);
      if (attributes) span.setAttributes(present(attributes));
      if (error !== undefined) {
        span.setAttribute('error.type', error);
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}

function contextOf(parent: TraceCarrier | undefined): Context {
  return parent ? trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent)) : ROOT_CONTEXT;
}

function linkOf({ attributes, ...carrier }: SpanLink): Link {
  return { context: spanContextOf(carrier), ...(attributes && { attributes: present(attributes) }) };
}

/** Whoever writes to the topic could send anything: what is no context is no link, and no parent. */
function spanContextOf({ traceparent, tracestate }: TraceCarrier): SpanContext {
  const [, traceId = '', spanId = ''] = traceparent.split('-');
  return {
    traceId,
    spanId,
    traceFlags: isSampled(traceparent) ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
  };
}

function present(attributes: SpanAttributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
