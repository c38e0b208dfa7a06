import { createLogger, describeConfig, runProcess, startParts } from '@order-events/runtime';
import { createGatewayApp } from './app.ts';
import { gatewayConfig } from './config.ts';

await runProcess(() => {
  const { config, source } = gatewayConfig();
  const log = createLogger({ service: 'stream-gateway', level: config.LOG_LEVEL });
  log.info({ config: describeConfig(source, config) }, 'starting');
  return {
    log,
    stopDeadlineMs: config.GATEWAY_STOP_DEADLINE_MS,
    start: (signal) => startParts(createGatewayApp(config, log), log, signal),
  };
});
