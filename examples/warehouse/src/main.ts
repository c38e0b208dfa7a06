import { createLogger, describeConfig, runProcess, startParts } from '@order-events/runtime';
import { createWarehouseApp } from './app.ts';
import { warehouseConfig } from './config.ts';

const STOP_DEADLINE_MS = 5_000;

await runProcess(() => {
  const { config, source } = warehouseConfig();
  const log = createLogger({ service: 'warehouse', level: config.LOG_LEVEL });
  log.info({ config: describeConfig(source, config) }, 'starting');
  return {
    log,
    stopDeadlineMs: STOP_DEADLINE_MS,
    start: (signal) => startParts(createWarehouseApp(config, log, STOP_DEADLINE_MS), log, signal),
  };
});
