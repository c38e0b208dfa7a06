import { createLogger, describeConfig, runProcess, startParts } from '@order-events/runtime';
import { createNotificationsApp } from './app.ts';
import { notificationsConfig } from './config.ts';

const STOP_DEADLINE_MS = 5_000;

await runProcess(() => {
  const { config, source } = notificationsConfig();
  const log = createLogger({ service: 'notifications', level: config.LOG_LEVEL });
  log.info({ config: describeConfig(source, config) }, 'starting');
  return {
    log,
    stopDeadlineMs: STOP_DEADLINE_MS,
    start: (signal) => startParts(createNotificationsApp(config, log, STOP_DEADLINE_MS), log, signal),
  };
});
