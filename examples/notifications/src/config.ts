import {
  type ConfigSource,
  hasNoLogin,
  hasUsablePort,
  LOG_LEVELS,
  readConfig,
  remoteAddress,
  TRACING_SECRETS,
  tracingSettings,
} from '@order-events/runtime';
import { z } from 'zod';

export const notificationsSettings = z.object({
  ...tracingSettings,
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info').describe('Least level that is logged.'),
  NOTIFICATIONS_GATEWAY: remoteAddress
    .default('127.0.0.1:50051')
    .describe('host:port of the stream gateway.'),
  NOTIFICATIONS_GATEWAY_CA_FILE: z
    .string()
    .optional()
    .describe(
      'PEM file with the certificates to trust: the gateway is spoken to through TLS. Read before each connection.',
    ),
  NOTIFICATIONS_BEARER_FILE: z
    .string()
    .optional()
    .describe(
      'File with the bearer token for the gateway. Read before each connection, so that it can be replaced.',
    ),
  NOTIFICATIONS_TOKEN_FILE: z
    .string()
    .default('notifications.token')
    .describe('Where the watch keeps its place: one file for each process, in a folder that exists.'),
  NOTIFICATIONS_WEBHOOK_URL: z
    .url({ protocol: /^https?$/ })
    .refine(hasUsablePort, { message: 'names a port that nobody can listen on' })
    .refine(hasNoLogin, { message: 'must name no user and password, which are never sent' })
    .optional()
    .describe('Gets each notification as a JSON POST; unset: they are logged.'),
});

export type NotificationsConfig = z.output<typeof notificationsSettings>;

/** Throws a ConfigError that names all faults. */
export function notificationsConfig(env: Record<string, string | undefined> = process.env): {
  config: NotificationsConfig;
  source: ConfigSource<typeof notificationsSettings.shape>;
} {
  const source = {
    schema: notificationsSettings,
    env,
    prefix: 'NOTIFICATIONS_',
    secrets: ['NOTIFICATIONS_WEBHOOK_URL', ...TRACING_SECRETS],
  };
  return { config: readConfig(source), source };
}
