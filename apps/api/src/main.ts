import { createLogger, describeConfig, runProcess, startParts } from '@order-events/runtime';
import { createApiApp } from './app.ts';
import { apiConfig } from './config.ts';

await runProcess(() => {
  const { config, source } = apiConfig();
  const log = createLogger({ service: 'api', level: config.LOG_LEVEL });
  const settings = describeConfig(source, config);
  log.info({ config: settings }, 'starting');
  return {
    log,
    stopDeadlineMs: config.API_STOP_DEADLINE_MS,
    start: (signal) => startParts(createApiApp(config, log, settings), log, signal),
  };
});
