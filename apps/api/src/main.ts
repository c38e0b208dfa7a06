import { createLogger, describeConfig, runProcess, startParts } from '@order-events/runtime';
import { createApiApp } from './app.ts';
import { apiConfig } from './config.ts';

await runProcess(() => {
  const { config, source } = apiConfig();
  const log = createLogger({ service: 'api', level: config.LOG_LEVEL });
  log.info({ config: describeConfig(source, config) }, 'starting');
  return {
    log,
    stopDeadlineMs: config.API_STOP_DEADLINE_MS,
    start: (signal) => startParts(createApiApp(config, log), log, signal),
  };
});
