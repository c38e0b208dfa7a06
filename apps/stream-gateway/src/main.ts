import { createLogger, describeConfig, runProcess, startParts } from '@order-events/runtime';
import { createGatewayApp } from './app.ts';
import { gatewayConfig } from './config.ts';

await runProcess(() => {
  const { config, source } = gatewayConfig();
  const log = createLogger({ service: 'stream-gateway', level: config.LOG_LEVEL });
  const settings = describeConfig(source, config);
  log.info({ config: settings }, 'starting');
  return {
    log,
    stopDeadlineMs: config.GATEWAY_STOP_DEADLINE_MS,
    start: (signal) => startParts(createGatewayApp(config, log, settings), log, signal),
  };
});
