import { createAccess, createAdminGate } from '@order-events/access';
import type { AdminServerOptions, Logger, Part } from '@order-events/runtime';
import type { RelayConfig } from './config.ts';

/** Who may see the pages; nobody asks a relay for anything else. */
export interface RelayAccess {
  /** For the admin server; undefined where access control is off. */
  readonly refuse: AdminServerOptions['refuse'];
  readonly parts: readonly Part[];
}

export function createRelayAccess(config: RelayConfig, log: Logger): RelayAccess {
  const access = createAccess(config, log);
  if (!access) return { refuse: undefined, parts: [] };
  return { refuse: createAdminGate(access, log), parts: [access] };
}
