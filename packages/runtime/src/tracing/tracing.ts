/** Where a span, or whoever called us, stands in a trace, as W3C Trace Context writes it. */
export interface TraceCarrier {
  readonly traceparent: string;
  readonly tracestate?: string | undefined;
}

/** Names are those of OpenTelemetry's semantic conventions. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanLink extends TraceCarrier {
  readonly attributes?: SpanAttributes | undefined;
}

export interface SpanStart {
  readonly name: string;
  readonly kind: 'server' | 'client' | 'producer' | 'consumer';
  /** Undefined begins a trace. */
  readonly parent?: TraceCarrier | undefined;
  readonly links?: readonly SpanLink[] | undefined;
  readonly attributes?: SpanAttributes | undefined;
  /** When it began, for one that is made when all is over: Unix time, default now. */
  readonly startTimeMs?: number | undefined;
}

export interface SpanEnd {
  /** Where it is known only now. */
  readonly name?: string | undefined;
  readonly attributes?: SpanAttributes | undefined;
  /** What went wrong, in a word of which there are few; it becomes `error.type`. */
  readonly error?: string | undefined;
}

/** A span; what it carries is for those who work on its behalf. */
export interface RunningSpan extends TraceCarrier {
  /** Whether it will be exported. */
  readonly isSampled: boolean;
  end(how?: SpanEnd): void;
}

/**
 * Port to whoever makes and exports spans. Nothing of it throws, waits or fails anybody. Where no endpoint is configured there is none
 * (`undefined`), and nothing is made.
 */
export interface Tracing {
  startSpan(start: SpanStart): RunningSpan;
}

/** Nobody's: what there is goes on. */
export function unrecordedSpan({ traceparent, tracestate }: TraceCarrier): RunningSpan {
  return { traceparent, tracestate, isSampled: false, end() {} };
}

/** Of version 00; what else there may be is not ours. */
const TRACEPARENT_LENGTH = 55;

/** The bit of a `traceparent` that says whether somebody records the trace; false for what can be none. It looks at one character. */
export function isSampled(traceparent: string | Uint8Array | null | undefined): boolean {
  if (traceparent?.length !== TRACEPARENT_LENGTH) return false;
  const last = TRACEPARENT_LENGTH - 1;
  const code = typeof traceparent === 'string' ? traceparent.charCodeAt(last) : (traceparent[last] ?? 0);
  // Codes of the digits 0 to 9 are odd as the digits are, those of a to f are one off.
  return (code & 1) === (code < A_CODE ? 1 : 0);
}

const A_CODE = 'a'.charCodeAt(0);
