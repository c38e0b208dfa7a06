import { AccessError, type Principal, requireScope, type Scope } from '@order-events/access';
import type { Request, RequestHandler } from 'express';
import { ANYBODY, type Caller } from '../orders/caller.ts';

const principals = new WeakMap<Request, Principal>();

/** Remembers whose request this is. */
export function setPrincipal(request: Request, principal: Principal): void {
  principals.set(request, principal);
}

/** Whose request this is; undefined when that is not known, and where access control is off. */
export function principalOf(request: Request): Principal | undefined {
  return principals.get(request);
}

/** On whose behalf the orders are asked for: what they are confined to is put into every query. */
export function callerOf(request: Request): Caller {
  return principals.get(request) ?? ANYBODY;
}

/** Lets on who has the scope; the first handler of every route. */
export function allow(scope: Scope): RequestHandler {
  return (request, _response, next) => {
    requireScope(principals.get(request), scope);
    next();
  };
}

/** Throws an AccessError when the caller is confined to a customer and asks for something that is for another. */
export function requireOwnCustomer(request: Request, customerId: string): void {
  const own = callerOf(request).customerId;
  if (own !== undefined && own !== customerId) {
    throw new AccessError('forbidden', 'customer', 'this token may place orders for its own customer only');
  }
}

/** Throws an AccessError when the caller is confined to a customer. */
export function requireUnconfined(request: Request): void {
  if (callerOf(request).customerId !== undefined) {
    throw new AccessError('forbidden', 'customer', 'a token of a customer may not import orders');
  }
}

/** Throws an AccessError when the caller is a customer, who may cancel an order and not move it on. */
export function requireMovesOrders(request: Request): void {
  if (callerOf(request).customerId !== undefined) {
    throw new AccessError(
      'forbidden',
      'customer',
      'a token of a customer may cancel an order, not move it on',
    );
  }
}
