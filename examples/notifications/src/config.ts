import { type ConfigSource, LOG_LEVELS, readConfig } from '@order-events/runtime';
import { z } from 'zod';

const schema = z.object({
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  /** host:port of the stream gateway. */
  NOTIFICATIONS_GATEWAY: z.string().default('127.0.0.1:50051'),
  /** Where the watch keeps its place; its folder must exist. */
  NOTIFICATIONS_TOKEN_FILE: z.string().default('notifications.token'),
  /** Who sends the notifications on; without it they are only logged. */
  NOTIFICATIONS_WEBHOOK_URL: z.url({ protocol: /^https?$/ }).optional(),
});

export type NotificationsConfig = z.output<typeof schema>;

/** Throws a ConfigError that names all faults. */
export function notificationsConfig(env: Record<string, string | undefined> = process.env): {
  config: NotificationsConfig;
  source: ConfigSource<typeof schema.shape>;
} {
  const source = { schema, env, prefix: 'NOTIFICATIONS_', secrets: [] };
  return { config: readConfig(source), source };
}
