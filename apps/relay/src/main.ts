import { createLogger, describeConfig, runProcess, startParts } from '@order-events/runtime';
import { createRelayApp } from './app.ts';
import { relayConfig } from './config.ts';

await runProcess(() => {
  const { config, source } = relayConfig();
  const log = createLogger({ service: 'relay', level: config.LOG_LEVEL });
  log.info({ config: describeConfig(source, config) }, 'starting');
  return {
    log,
    stopDeadlineMs: config.RELAY_STOP_DEADLINE_MS,
    start: (signal) => startParts(createRelayApp(config, log), log, signal),
  };
});
