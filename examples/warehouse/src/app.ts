import { createRunningPart, type Logger, type Part } from '@order-events/runtime';
import type { WarehouseConfig } from './config.ts';
import { gatewayConnection, readBearer } from './connection.ts';
import { fulfil } from './fulfil.ts';
import { createOrderApi } from './order-api.ts';

export function createWarehouseApp(config: WarehouseConfig, log: Logger): Part[] {
  const { WAREHOUSE_BEARER_FILE: bearerFile } = config;
  const token = bearerFile === undefined ? undefined : () => readBearer(bearerFile);
  const options = {
    gateway: config.WAREHOUSE_GATEWAY,
    connection: gatewayConnection(config),
    subscription: config.WAREHOUSE_SUBSCRIPTION,
    api: createOrderApi(config.WAREHOUSE_API_URL, token),
    log,
  };
  return [createRunningPart('warehouse', (signal) => fulfil(options, signal))];
}
