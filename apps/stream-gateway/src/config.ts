import { ACCESS_SECRETS, accessFaults, accessSettings } from '@order-events/access';
import {
  type ConfigSource,
  KAFKA_SECRETS,
  kafkaFaults,
  kafkaSettings,
  listenHost,
  listenPort,
  LOG_LEVELS,
  readConfig,
  type ServerTls,
  serverTlsFaults,
  serverTlsSettings,
  TRACING_SECRETS,
  tracingSettings,
} from '@order-events/runtime';
import { z } from 'zod';

const MEBIBYTE = 1024 * 1024;
const MIN_SECRET_BYTES = 32;

const milliseconds = (from: number, to: number) => z.coerce.number().int().min(from).max(to);
const bytes = (from: number, to: number) => z.coerce.number().int().min(from).max(to);

const webOrigins = z
  .string()
  .transform((list) => list.split(',').map((origin) => origin.trim()))
  .refine(
    (origins) => origins.every((origin) => /^https?:/.test(origin) && URL.parse(origin)?.origin === origin),
    {
      message:
        'must be origins such as https://shop.example, without a path or a slash behind, separated by commas',
    },
  );

export const gatewaySettings = z.object({
  NODE_ENV: z
    .enum(['development', 'production', 'test'])
    .default('development')
    .describe('`production` refuses the defaults that are meant for development.'),
  ...kafkaSettings,
  ...accessSettings,
  ...tracingSettings,
  KAFKA_CLIENT_ID: z
    .string()
    .default('stream-gateway')
    .describe('Name of this process in the logs and quotas of the brokers.'),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info').describe('Least level that is logged.'),
  GATEWAY_HOST: listenHost.default('127.0.0.1').describe('Where gRPC clients connect to.'),
  GATEWAY_PORT: listenPort.default(50051).describe('0 takes any free port.'),
  GATEWAY_TLS_CERTIFICATE_FILE: serverTlsSettings.certificateFile,
  GATEWAY_TLS_KEY_FILE: serverTlsSettings.keyFile,
  GATEWAY_TLS_CLIENT_CA_FILE: serverTlsSettings.clientCaFile,
  GATEWAY_TLS_CHECK_MS: serverTlsSettings.checkMs,
  GATEWAY_ADMIN_HOST: listenHost.default('127.0.0.1').describe('Where probes and metrics listen.'),
  GATEWAY_ADMIN_PORT: listenPort.default(9102).describe('0 takes any free port.'),
  GATEWAY_ADMIN_GRPC_HOST: listenHost
    .default('127.0.0.1')
    .describe('Where operators list and close streams; whoever reaches it can.'),
  GATEWAY_ADMIN_GRPC_PORT: listenPort.default(50052).describe('0 takes any free port.'),
  GATEWAY_WEB_HOST: listenHost.default('127.0.0.1').describe('Where browsers connect to.'),
  GATEWAY_WEB_PORT: listenPort
    .optional()
    .describe(
      'Where WatchOrders and GetReplayRange are answered by gRPC-Web, and the live page is shown; nowhere without it. 0 takes any free port.',
    ),
  GATEWAY_WEB_ORIGINS: webOrigins
    .optional()
    .describe(
      'Origins whose pages may call there besides those of this port, such as `https://shop.example`, separated by commas. No wildcards.',
    ),
  GATEWAY_WEB_MAX_STREAMS: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(1_000)
    .describe('Most calls of browsers at a time; their streams count as streams of this process as well.'),
  GATEWAY_RING_BYTES: bytes(MEBIBYTE, 16 * 1024 * MEBIBYTE)
    .default(64 * MEBIBYTE)
    .describe('Memory for the newest events, about: streams read them without Kafka.'),
  GATEWAY_HISTORY_BYTES: bytes(MEBIBYTE, 16 * 1024 * MEBIBYTE)
    .default(32 * MEBIBYTE)
    .describe('Memory for older events that streams have read from Kafka, about.'),
  GATEWAY_REQUEST_BYTES: bytes(MEBIBYTE, 16 * 1024 * MEBIBYTE)
    .default(64 * MEBIBYTE)
    .describe(
      'Memory for what open streams have asked for, about: filters, of which equal ones are kept once, credit beyond 1,000 events (88 bytes each), tokens of more partitions than the topic has. A stream for which there is no room is refused.',
    ),
  GATEWAY_MAX_WATCHERS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('Most streams of this process.'),
  GATEWAY_MAX_CONSUMERS: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe('Most streams among them that share work: each is a member of a consumer group.'),
  GATEWAY_HELD_EVENTS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('Events that a subscription may hold of one partition; with more, the share waits.'),
  GATEWAY_HELD_BYTES: bytes(64 * 1024, 1024 * MEBIBYTE)
    .default(32 * MEBIBYTE)
    .describe('Memory for them, about.'),
  GATEWAY_CONSUMER_SESSION_MS: milliseconds(1_000, 1_800_000)
    .default(10_000)
    .describe(
      "Others get a consumer's orders when Kafka has not heard of it for so long. Within the brokers' group.min.session.timeout.ms and group.max.session.timeout.ms.",
    ),
  GATEWAY_PARTITION_CHECK_MS: milliseconds(100, 3_600_000)
    .default(2_000)
    .describe(
      'Partitions that are added to the topic, and a topic that is created again, are noticed within this time; at once when a token or a share of a group tells of them.',
    ),
  GATEWAY_SUBSCRIPTION_CHECK_MS: milliseconds(100, 3_600_000)
    .default(60_000)
    .describe(
      'All subscriptions of the topic, those without streams as well, are looked at so often, 500 at a time: how old is what they have not acknowledged.',
    ),
  GATEWAY_MAX_STREAMS_PER_CONNECTION: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(1_000)
    .describe('Most streams of one connection.'),
  GATEWAY_MAX_STREAMS_PER_PRINCIPAL: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe(
      'Most streams of the subject of a token, or, where access control is off, of one client address; 0 for no limit. All clients of a proxy have one address.',
    ),
  GATEWAY_MAX_CALLS_PER_PRINCIPAL: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(1_000)
    .describe(
      'Most calls in ten seconds, those that open streams included, of the subject of a token, and of a network without a token that is taken; 0 for no limit. Only where access control is on.',
    ),
  GATEWAY_ACCESS_CHECK_MS: milliseconds(1_000, 30_000)
    .default(20_000)
    .describe(
      'Tokens of open streams are verified again so often: with ACCESS_JWKS_REFRESH_MS, a key that was revoked ends its streams within both times. Only where access control is on.',
    ),
  GATEWAY_TOKEN_SECRET: z
    .string()
    .refine((secret) => Buffer.byteLength(secret) >= MIN_SECRET_BYTES, {
      message: `must have at least ${MIN_SECRET_BYTES} bytes`,
    })
    .optional()
    .describe(
      'Seals the resume tokens of clients whose tokens are of one customer. The same on all replicas, at least 32 bytes; needed when ACCESS_CONTROL is jwt. With another one the tokens that such clients have stored are refused.',
    ),
  GATEWAY_REQUEST_DEADLINE_MS: milliseconds(100, 600_000)
    .default(30_000)
    .describe('A call whose request has not arrived in this time is ended.'),
  GATEWAY_IDLE_CONNECTION_MS: milliseconds(1_000, 24 * 3_600_000)
    .default(600_000)
    .describe(
      'A connection that has had no call for so long is closed; its client opens another one when it needs it.',
    ),
  GATEWAY_KEEPALIVE_MS: milliseconds(1_000, 3_600_000)
    .default(30_000)
    .describe('A connection is asked so often whether its client is still there.'),
  GATEWAY_KEEPALIVE_TIMEOUT_MS: milliseconds(100, 3_600_000)
    .default(10_000)
    .describe('A connection whose client does not answer for so long is dropped.'),
  GATEWAY_MAX_WATCH_AGE_MS: milliseconds(1_000, 7 * 24 * 3_600_000)
    .default(3_600_000)
    .describe('A stream is ended at 90 to 100 % of this age, so that clients spread over the replicas.'),
  GATEWAY_BLOCKED_LIMIT_MS: milliseconds(1_000, 24 * 3_600_000)
    .default(300_000)
    .describe('A stream whose client takes nothing for so long is ended.'),
  GATEWAY_SLOW_WINDOW_MS: milliseconds(1_000, 24 * 3_600_000)
    .default(60_000)
    .describe('A stream whose client falls further behind for so long is ended.'),
  GATEWAY_SLOW_BACKLOG_EVENTS: z.coerce
    .number()
    .int()
    .min(1)
    .default(100_000)
    .describe('A stream that is no further behind than this falls behind unharmed.'),
  GATEWAY_STOP_DEADLINE_MS: milliseconds(1_000, 120_000)
    .default(10_000)
    .describe('After SIGTERM, the process ends within this time.'),
});

export type GatewayConfig = z.output<typeof gatewaySettings>;

/** The gateway's settings. Throws a ConfigError that names all faults. */
export function gatewayConfig(env: Record<string, string | undefined> = process.env): {
  config: GatewayConfig;
  source: ConfigSource<typeof gatewaySettings.shape>;
} {
  const source: ConfigSource<typeof gatewaySettings.shape> = {
    schema: gatewaySettings,
    env,
    prefix: 'GATEWAY_',
    secrets: [...KAFKA_SECRETS, ...ACCESS_SECRETS, ...TRACING_SECRETS, 'GATEWAY_TOKEN_SECRET'],
    refine: faultsAcrossSettings,
  };
  return { config: readConfig(source), source };
}

function faultsAcrossSettings(config: GatewayConfig): string[] {
  const faults = [
    ...kafkaFaults(config),
    ...serverTlsFaults('GATEWAY_TLS_', gatewayTls(config)),
    ...accessFaults(config),
  ];
  if (config.ACCESS_CONTROL === 'jwt' && config.GATEWAY_TOKEN_SECRET === undefined) {
    faults.push('GATEWAY_TOKEN_SECRET: must be set when ACCESS_CONTROL is jwt, to the same on all replicas');
  }
  if (config.GATEWAY_WEB_ORIGINS && config.GATEWAY_WEB_PORT === undefined) {
    faults.push('GATEWAY_WEB_ORIGINS: has no use without GATEWAY_WEB_PORT');
  }
  if (config.KAFKA_BROKERS.length === 0) faults.push('KAFKA_BROKERS: must name the brokers to read from');
  return faults;
}

/** How the ports for calls are spoken to. */
export function gatewayTls(config: GatewayConfig): ServerTls {
  return {
    certificateFile: config.GATEWAY_TLS_CERTIFICATE_FILE,
    keyFile: config.GATEWAY_TLS_KEY_FILE,
    clientCaFile: config.GATEWAY_TLS_CLIENT_CA_FILE,
    checkMs: config.GATEWAY_TLS_CHECK_MS,
  };
}
