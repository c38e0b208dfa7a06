import { BinaryReader, type WireType } from '@bufbuild/protobuf/wire';

/** What a test looks at of `opentelemetry.proto.trace.v1.Span`. */
export interface ReceivedSpan {
  /** `service.name` of who made it. */
  readonly service: string;
  readonly schemaUrl: string;
  readonly name: string;
  readonly kind: 'unspecified' | 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first one of a trace. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly attributes: Attributes;
  readonly links: readonly ReceivedLink[];
  readonly isError: boolean;
  readonly startTimeMs: number;
  readonly endTimeMs: number;
}

export interface ReceivedLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

type Attributes = Readonly<Record<string, string | number | boolean>>;

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const STATUS_ERROR = 2;

type Field = (reader: BinaryReader, wireType: WireType) => void;

/** Reads a message by the numbers of its fields; those that nobody asks for are passed. */
function readFields(bytes: Uint8Array, fields: Readonly<Record<number, Field>>): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = fields[number];
    if (field) field(reader, wireType);
    else reader.skip(wireType, number);
  }
}

/** The spans of an `ExportTraceServiceRequest`. */
export function decodeTraces(request: Uint8Array): ReceivedSpan[] {
  const spans: ReceivedSpan[] = [];
  readFields(request, { 1: (reader) => spans.push(...resourceSpans(reader.bytes())) });
  return spans;
}

function resourceSpans(bytes: Uint8Array): ReceivedSpan[] {
  let resource: Attributes = {};
  const scopes: Uint8Array[] = [];
  readFields(bytes, {
    1: (reader) => {
      resource = attributesOf(reader.bytes(), 1);
    },
    2: (reader) => scopes.push(reader.bytes()),
  });
  const service = String(resource['service.name']);
  return scopes.flatMap((scope) => {
    const spans: Uint8Array[] = [];
    let schemaUrl = '';
    readFields(scope, {
      2: (reader) => spans.push(reader.bytes()),
      3: (reader) => (schemaUrl = reader.string()),
    });
    return spans.map((span) => ({ service, schemaUrl, ...spanOf(span) }));
  });
}

function spanOf(bytes: Uint8Array): Omit<ReceivedSpan, 'service' | 'schemaUrl'> {
  const span = { name: '', traceId: '', spanId: '', parentSpanId: '', traceState: '' };
  const times = { startTimeMs: 0, endTimeMs: 0 };
  const links: ReceivedLink[] = [];
  let kind: ReceivedSpan['kind'] = 'unspecified';
  let isError = false;
  readFields(bytes, {
    1: (reader) => (span.traceId = hex(reader.bytes())),
    2: (reader) => (span.spanId = hex(reader.bytes())),
    3: (reader) => (span.traceState = reader.string()),
    4: (reader) => (span.parentSpanId = hex(reader.bytes())),
    5: (reader) => (span.name = reader.string()),
    6: (reader) => (kind = KINDS[reader.int32()] ?? 'unspecified'),
    7: (reader) => (times.startTimeMs = Number(reader.fixed64()) / 1e6),
    8: (reader) => (times.endTimeMs = Number(reader.fixed64()) / 1e6),
    13: (reader) => links.push(linkOf(reader.bytes())),
    15: (reader) =>
      readFields(reader.bytes(), { 3: (status) => (isError = status.int32() === STATUS_ERROR) }),
  });
  return { ...span, ...times, kind, isError, links, attributes: attributesOf(bytes, 9) };
}

function linkOf(bytes: Uint8Array): ReceivedLink {
  const link = { traceId: '', spanId: '' };
  readFields(bytes, {
    1: (reader) => (link.traceId = hex(reader.bytes())),
    2: (reader) => (link.spanId = hex(reader.bytes())),
  });
  return { ...link, attributes: attributesOf(bytes, 4) };
}

/** Those of a message that has them in the field of this number. */
function attributesOf(message: Uint8Array, number: number): Attributes {
  const attributes: Record<string, string | number | boolean> = {};
  readFields(message, {
    [number]: (reader) => {
      let key = '';
      let value: string | number | boolean = '';
      readFields(reader.bytes(), {
        1: (pair) => (key = pair.string()),
        2: (pair) =>
          readFields(pair.bytes(), {
            1: (any) => (value = any.string()),
            2: (any) => (value = any.bool()),
            3: (any) => (value = Number(any.int64())),
            4: (any) => (value = any.double()),
          }),
      });
      attributes[key] = value;
    },
  });
  return attributes;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
