import {
  createAccess,
  createAdminGate,
  createPrincipalLimiter,
  type PrincipalLimiter,
} from '@order-events/access';
import type { AdminServerOptions, Logger, Part } from '@order-events/runtime';
import type { GatewayConfig } from './config.ts';
import { type Audit, createAudit } from './grpc/audit.ts';
import { type CallAccess, createCallAccess } from './grpc/call-access.ts';
import { createAccessCheck } from './stream/access-check.ts';
import type { WatchRegistry } from './stream/watch-registry.ts';

/** Who may do what here. */
export interface GatewayAccess {
  readonly audit: Audit;
  /** For the gRPC servers; undefined where access control is off. */
  readonly calls: CallAccess | undefined;
  /** For the admin server; the same. */
  readonly refuse: AdminServerOptions['refuse'];
  readonly parts: readonly Part[];
}

const CALLS_WINDOW_MS = 10_000;

export function createGatewayAccess(
  config: GatewayConfig,
  watches: WatchRegistry,
  log: Logger,
): GatewayAccess {
  const audit = createAudit(log);
  const access = createAccess(config, log);
  if (!access) return { audit, calls: undefined, refuse: undefined, parts: [] };
  return {
    audit,
    calls: createCallAccess(access, createCallLimiter(config)),
    refuse: createAdminGate(access, log),
    parts: [
      access,
      createAccessCheck({
        watches,
        verify: access.verify,
        verifyEveryMs: config.GATEWAY_ACCESS_CHECK_MS,
        log,
      }),
    ],
  };
}

function createCallLimiter({
  GATEWAY_MAX_CALLS_PER_PRINCIPAL: calls,
}: GatewayConfig): PrincipalLimiter | undefined {
  return calls === 0 ? undefined : createPrincipalLimiter(calls, CALLS_WINDOW_MS);
}
