import { OrderStreamAdminServiceDefinition } from '@order-events/order-stream';
import {
  addressText,
  createOpeningPart,
  type Logger,
  type Part,
  type WatchedCertificate,
} from '@order-events/runtime';
import { createServer } from 'nice-grpc';
import type { GatewayMetrics } from '../gateway-metrics.ts';
import type { WatchRegistry } from '../stream/watch-registry.ts';
import { createAdminService } from './admin-service.ts';
import { createCallMiddleware } from './call-middleware.ts';
import { addReflection } from './reflection.ts';
import { serverCredentials } from './server-credentials.ts';

export interface AdminGrpcServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Speaks TLS with it. */
  readonly certificate: WatchedCertificate | undefined;
  readonly watches: WatchRegistry;
  readonly metrics: GatewayMetrics;
  readonly log: Logger;
}

/**
 * The operators' port, apart from the one that clients reach: whoever can call it sees all streams and can end them. It answers
 * while the other one drains.
 */
export function createAdminGrpcServer(options: AdminGrpcServerOptions): Part {
  const { host, metrics, log } = options;
  const ended = new AbortController();
  const server = createServer({ 'grpc.enable_channelz': 0 }).use(
    createCallMiddleware({
      ended: ended.signal,
      isDraining: () => false,
      wires: { find: () => undefined },
      onCallEnded: metrics.callEnded,
      log,
    }),
  );
  server.add(OrderStreamAdminServiceDefinition, createAdminService(options));
  addReflection(server, [OrderStreamAdminServiceDefinition.fullName]);
  return createOpeningPart('admin gRPC server', async () => {
    const port = await server.listen(
      addressText({ host, port: options.port }),
      serverCredentials(options.certificate),
    );
    log.info({ name: 'adminGrpc', url: addressText({ host, port }) }, 'listening');
    return async () => {
      ended.abort();
      server.forceShutdown();
    };
  });
}
