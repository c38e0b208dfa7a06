import { createLogger, describeConfig, runProcess, startParts } from '@order-events/runtime';
import { createRelayApp } from './app.ts';
import { relayConfig } from './config.ts';

await runProcess(() => {
  const { config, source } = relayConfig();
  const log = createLogger({ service: 'relay', level: config.LOG_LEVEL });
  const settings = describeConfig(source, config);
  log.info({ config: settings }, 'starting');
  return {
    log,
    stopDeadlineMs: config.RELAY_STOP_DEADLINE_MS,
    start: (signal) => startParts(createRelayApp(config, log, settings), log, signal),
  };
});
