import { z } from 'zod';
import { hasNoLogin, hasUsablePort } from '../network-address.ts';

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

export type SamplerName = (typeof SAMPLERS)[number];

const endpoint = z
  .url({ protocol: /^https?$/ })
  .refine(hasUsablePort, { message: 'names a port that nobody can listen on' })
  .refine(hasNoLogin, { message: 'must name no user and password: OTEL_EXPORTER_OTLP_HEADERS is for these' });

const pairs = z.string().refine((list) => parsePairs(list) !== undefined, {
  message: 'must be name=value, more of them separated by commas, values percent-encoded',
});

/**
 * Settings of every process that makes spans, under OpenTelemetry's own names; spread them into its schema, TRACING_SECRETS likewise.
 * What the exporter knows beyond these (`OTEL_EXPORTER_OTLP_CERTIFICATE`, ...) it reads by itself.
 */
export const tracingSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint
    .optional()
    .describe(
      'Where spans are sent to, by OTLP over HTTP: `/v1/traces` is put behind it. Without it, and OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, there are none.',
    ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint
    .optional()
    .describe('The same for spans alone, and taken as it is.'),
  OTEL_EXPORTER_OTLP_PROTOCOL: z
    .enum(['http/protobuf'])
    .default('http/protobuf')
    .describe('How spans are sent: there is no other way.'),
  OTEL_EXPORTER_OTLP_HEADERS: pairs
    .optional()
    .describe('Headers of each request to the endpoint, such as `authorization=Bearer%20abc`.'),
  OTEL_EXPORTER_OTLP_TIMEOUT: z.coerce
    .number()
    .int()
    .min(100)
    .max(60_000)
    .default(10_000)
    .describe('Spans that are not taken within this time, repetitions included, are dropped; milliseconds.'),
  OTEL_SERVICE_NAME: z
    .string()
    .optional()
    .describe('Name of this process in traces; unset: that of its logs.'),
  OTEL_RESOURCE_ATTRIBUTES: pairs
    .optional()
    .describe('More about this process, such as `deployment.environment.name=production`.'),
  OTEL_TRACES_SAMPLER: z
    .enum(SAMPLERS)
    .default('parentbased_always_on')
    .describe(
      'Which traces are recorded. A `parentbased_` one asks only where a trace begins, and goes by what the caller has decided.',
    ),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('The share of traces that a sampler with `traceidratio` in its name records; unset: all.'),
  OTEL_BSP_SCHEDULE_DELAY: z.coerce
    .number()
    .int()
    .min(1)
    .max(60_000)
    .default(5_000)
    .describe('Spans are sent so often, and earlier when there are 512; milliseconds.'),
  OTEL_BSP_MAX_QUEUE_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(2_048)
    .describe('Most spans that wait to be sent; further ones are dropped and counted.'),
  OTEL_SDK_DISABLED: z.stringbool().default(false).describe('Makes no spans, whatever else is set.'),
};

export const TRACING_SECRETS = ['OTEL_EXPORTER_OTLP_HEADERS'] as const;

export type TracingSettings = z.output<z.ZodObject<typeof tracingSettings>>;

/** Where spans go; undefined where none are made. */
export function tracesEndpoint(config: TracingSettings): string | undefined {
  if (config.OTEL_SDK_DISABLED) return undefined;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = config;
  return own ?? (base === undefined ? undefined : `${base.replace(/\/$/, '')}/v1/traces`);
}

/** Reads `name=value,…` as baggage is written; undefined when it is not. */
export function parsePairs(list: string): Record<string, string> | undefined {
  const read: Record<string, string> = {};
  for (const pair of list.split(',').filter((text) => text.trim() !== '')) {
    const [, name, value = ''] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
    if (name === undefined) return undefined;
    try {
      read[name] = decodeURIComponent(value);
    } catch {
      return undefined;
    }
  }
  return read;
}
