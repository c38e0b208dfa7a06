import { createRunningPart, createTracing, type Logger, type Part } from '@order-events/runtime';
import packageJson from '../package.json' with { type: 'json' };
import type { NotificationsConfig } from './config.ts';
import { gatewayConnection } from './connection.ts';
import { notify } from './notify.ts';
import { createLogSender, createWebhookSender } from './sender.ts';
import { createTokenFile } from './token-file.ts';

export function createNotificationsApp(
  config: NotificationsConfig,
  log: Logger,
  stopDeadlineMs: number,
): Part[] {
  const spans = createTracing({
    ...{ settings: config, service: 'notifications', version: packageJson.version, stopDeadlineMs, log },
  });
  const { NOTIFICATIONS_WEBHOOK_URL: webhook } = config;
  const options = {
    gateway: config.NOTIFICATIONS_GATEWAY,
    connection: gatewayConnection(config),
    tokens: createTokenFile(config.NOTIFICATIONS_TOKEN_FILE),
    send: webhook === undefined ? createLogSender(log) : createWebhookSender(webhook, log),
    tracing: spans?.tracing,
    log,
  };
  const work = createRunningPart('notifications', (signal) => notify(options, signal));
  return spans ? [spans, work] : [work];
}
