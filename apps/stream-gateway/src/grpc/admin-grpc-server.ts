import { OrderStreamAdminServiceDefinition } from '@order-events/order-stream';
import {
  addressText,
  createOpeningPart,
  type Logger,
  type Part,
  type Tracing,
  type WatchedCertificate,
} from '@order-events/runtime';
import { createServer } from 'nice-grpc';
import type { HeldDesk } from '../held/held-desk.ts';
import type { GatewayMetrics } from '../gateway-metrics.ts';
import type { WatchRegistry } from '../stream/watch-registry.ts';
import { createAdminService } from './admin-service.ts';
import { type Audit } from './audit.ts';
import type { CallAccess } from './call-access.ts';
import { createCallMiddleware } from './call-middleware.ts';
import { notingDoubledAuthorization, doubledAuthorizationInterceptor } from './doubled-authorization.ts';
import { addReflection } from './reflection.ts';
import { serverCredentials } from './server-credentials.ts';

export interface AdminGrpcServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Speaks TLS with it. */
  readonly certificate: WatchedCertificate | undefined;
  readonly watches: WatchRegistry;
  readonly heldDesk: HeldDesk;
  /** Undefined where access control is off. */
  readonly access: CallAccess | undefined;
  readonly audit: Audit;
  /** Undefined makes no spans. */
  readonly tracing: Tracing | undefined;
  readonly metrics: GatewayMetrics;
  readonly log: Logger;
}

/**
 * The operators' port, apart from the one that clients reach: whoever can call it, and has a token for it
 * where access control is on, sees all streams and can end them. It answers while the other one drains.
 */
export function createAdminGrpcServer(options: AdminGrpcServerOptions): Part {
  const { host, access, audit, tracing, metrics, log } = options;
  const ended = new AbortController();
  const server = createServer({
    'grpc.enable_channelz': 0,
    interceptors: [doubledAuthorizationInterceptor],
  }).use(
    createCallMiddleware({
      ended: ended.signal,
      isDraining: () => false,
      wires: { find: () => undefined },
      ...{ access, audit, tracing },
      onRefused: metrics.streamRefused,
      onCallEnded: metrics.callEnded,
      log,
    }),
  );
  server.add(OrderStreamAdminServiceDefinition, createAdminService(options));
  addReflection(server, [OrderStreamAdminServiceDefinition.fullName]);
  return createOpeningPart('admin gRPC server', async () => {
    const address = addressText({ host, port: options.port });
    const port = await notingDoubledAuthorization(() =>
      server.listen(address, serverCredentials(options.certificate)),
    );
    log.info({ name: 'adminGrpc', url: addressText({ host, port }) }, 'listening');
    return async () => {
      ended.abort();
      server.forceShutdown();
    };
  });
}
