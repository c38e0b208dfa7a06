import { createLogger, describeConfig, runProcess, startParts } from '@order-events/runtime';
import { createNotificationsApp } from './app.ts';
import { notificationsConfig } from './config.ts';

await runProcess(() => {
  const { config, source } = notificationsConfig();
  const log = createLogger({ service: 'notifications', level: config.LOG_LEVEL });
  log.info({ config: describeConfig(source, config) }, 'starting');
  return {
    log,
    stopDeadlineMs: 5_000,
    start: (signal) => startParts(createNotificationsApp(config, log), log, signal),
  };
});
