import { createRunningPart, type Logger, type Part } from '@order-events/runtime';
import type { WarehouseConfig } from './config.ts';
import { fulfil } from './fulfil.ts';
import { createOrderApi } from './order-api.ts';

export function createWarehouseApp(config: WarehouseConfig, log: Logger): Part[] {
  const options = {
    gateway: config.WAREHOUSE_GATEWAY,
    subscription: config.WAREHOUSE_SUBSCRIPTION,
    api: createOrderApi(config.WAREHOUSE_API_URL),
    log,
  };
  return [createRunningPart('warehouse', (signal) => fulfil(options, signal))];
}
