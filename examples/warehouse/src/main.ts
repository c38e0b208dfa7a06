import { createLogger, describeConfig, runProcess, startParts } from '@order-events/runtime';
import { createWarehouseApp } from './app.ts';
import { warehouseConfig } from './config.ts';

await runProcess(() => {
  const { config, source } = warehouseConfig();
  const log = createLogger({ service: 'warehouse', level: config.LOG_LEVEL });
  log.info({ config: describeConfig(source, config) }, 'starting');
  return {
    log,
    stopDeadlineMs: 5_000,
    start: (signal) => startParts(createWarehouseApp(config, log), log, signal),
  };
});
