import { createRunningPart, createTracing, type Logger, type Part } from '@order-events/runtime';
import packageJson from '../package.json' with { type: 'json' };
import { readArticles } from './articles.ts';
import type { WarehouseConfig } from './config.ts';
import { gatewayConnection, readBearer } from './connection.ts';
import { fulfil } from './fulfil.ts';
import { createOrderApi } from './order-api.ts';

export function createWarehouseApp(config: WarehouseConfig, log: Logger, stopDeadlineMs: number): Part[] {
  const spans = createTracing({
    ...{ settings: config, service: 'warehouse', version: packageJson.version, stopDeadlineMs, log },
  });
  const { WAREHOUSE_BEARER_FILE: bearerFile, WAREHOUSE_ARTICLES_FILE: articlesFile } = config;
  const token = bearerFile === undefined ? undefined : () => readBearer(bearerFile);
  const options = {
    gateway: config.WAREHOUSE_GATEWAY,
    connection: gatewayConnection(config),
    subscription: config.WAREHOUSE_SUBSCRIPTION,
    api: createOrderApi(config.WAREHOUSE_API_URL, token),
    knownArticles: articlesFile === undefined ? undefined : () => readArticles(articlesFile),
    tracing: spans?.tracing,
    log,
  };
  const work = createRunningPart('warehouse', (signal) => fulfil(options, signal));
  return spans ? [spans, work] : [work];
}
