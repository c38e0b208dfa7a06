import {
  type Access,
  AccessError,
  coversSubscription,
  limitKeyOf,
  type PrincipalLimiter,
  requireScope,
  type Scope,
  singleAuthorization,
} from '@order-events/access';
import { OrderStreamAdminServiceDefinition, OrderStreamServiceDefinition } from '@order-events/order-stream';
import type { StreamCaller } from '../stream/stream-caller.ts';
import { StreamError } from '../stream/stream-error.ts';

/** Decides who may make a call. */
export interface CallAccess {
  /** Who it is. Throws an AccessError, or a StreamError when there were too many calls without a token that is taken. */
  identify(call: AskedCall): Promise<StreamCaller>;
  /** Throws an AccessError when the caller may not make the call, a StreamError when it has made too many. */
  admit(caller: StreamCaller, path: string): Promise<void>;
}

export interface AskedCall {
  /** All values of the metadata `authorization`. */
  readonly authorization: readonly string[];
  /** Address and port of the client. */
  readonly peer: string;
}

/** What a call knows of who makes it. */
export interface CallerContext {
  /** Undefined where access control is off. */
  readonly caller?: StreamCaller | undefined;
}

interface Rule {
  readonly scope: Scope;
  /** Whether a token of one customer may. Subscriptions and the operators' port are about the orders of all. */
  readonly isForCustomers: boolean;
}

type Methods = typeof OrderStreamServiceDefinition.methods & typeof OrderStreamAdminServiceDefinition.methods;

/** Types ask for each method: there is none that anybody may call because it was forgotten. */
const RULES: Readonly<Record<keyof Methods, Rule>> = {
  watchOrders: { scope: 'orders:watch', isForCustomers: true },
  getReplayRange: { scope: 'orders:watch', isForCustomers: true },
  consumeOrders: { scope: 'orders:consume', isForCustomers: false },
  listSubscriptions: { scope: 'orders:consume', isForCustomers: false },
  getSubscription: { scope: 'orders:consume', isForCustomers: false },
  seekSubscription: { scope: 'orders:consume', isForCustomers: false },
  deleteSubscription: { scope: 'orders:consume', isForCustomers: false },
  listWatchers: { scope: 'orders:admin', isForCustomers: false },
  closeWatcher: { scope: 'orders:admin', isForCustomers: false },
  listHeldOrders: { scope: 'orders:admin', isForCustomers: false },
  requeueHeldOrders: { scope: 'orders:admin', isForCustomers: false },
  discardHeldEvents: { scope: 'orders:admin', isForCustomers: false },
  discardUnreadableHeldRecord: { scope: 'orders:admin', isForCustomers: false },
};

const RULE_OF_PATH: ReadonlyMap<string, Rule> = new Map(
  [OrderStreamServiceDefinition, OrderStreamAdminServiceDefinition].flatMap(({ fullName, methods }) =>
    Object.entries(methods).map(
      ([method, { name }]) => [`/${fullName}/${name}`, RULES[method as keyof Methods]] as const,
    ),
  ),
);

/** `limiter` counts the calls of each subject, and those without a token that is taken by network. */
export function createCallAccess(
  access: Pick<Access, 'verify'>,
  limiter: PrincipalLimiter | undefined,
): CallAccess {
  async function count(key: string): Promise<void> {
    const retryDelayMs = await limiter?.take(key);
    if (retryDelayMs === undefined) return;
    const text = `too many calls: come back in ${retryDelayMs} ms`;
    throw new StreamError('TOO_MANY_CALLS_OF_PRINCIPAL', text, { retryDelayMs });
  }

  async function callerOf({ authorization: values, peer }: AskedCall): Promise<StreamCaller> {
    try {
      const authorization = singleAuthorization(values);
      const principal = await access.verify(authorization);
      return { principal, authorization: authorization ?? '' };
    } catch (error: unknown) {
      const isUnknown = error instanceof AccessError && error.kind === 'unauthenticated';
      if (isUnknown) await count(limitKeyOf(undefined, hostOf(peer)));
      throw error;
    }
  }

  return {
    identify: callerOf,
    async admit({ principal }, path) {
      await count(limitKeyOf(principal, undefined));
      const rule = RULE_OF_PATH.get(path);
      if (!rule) throw new AccessError('forbidden', 'scope', 'nobody may call this');
      requireScope(principal, rule.scope);
      if (principal.customerId !== undefined && !rule.isForCustomers) {
        throw new AccessError('forbidden', 'customer', 'this needs a token that is not of one customer');
      }
    },
  };
}

/** Throws an AccessError when a subscription is not the caller's, whether there is one of this name or not. */
export function requireSubscription(caller: StreamCaller | undefined, name: string): void {
  if (caller && !coversSubscription(caller.principal, name)) {
    throw new AccessError(
      'forbidden',
      'subscription',
      'this needs a token whose subscriptions cover this name',
    );
  }
}

function hostOf(peer: string): string {
  return peer.slice(0, Math.max(0, peer.lastIndexOf(':'))).replace(/^\[(.*)\]$/, '$1');
}
