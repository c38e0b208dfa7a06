import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { ChangeRequest, OrderOutcome, OrderService } from '../orders/order-service.ts';
import { allowMethods } from './allowed-methods.ts';
import { etagOf, itemsOfBody, listEtagOf, orderJson } from './order-json.ts';
import { changeItemsBody, changeStatusBody, listQuery, orderPath, placeOrderBody } from './order-schemas.ts';
import type { PageTokens } from './page-token.ts';
import {
  hasAlready,
  isMetBy,
  type Preconditions,
  preconditionsOf,
  requireMetByList,
} from './preconditions.ts';
import { Problem } from './problem.ts';
import {
  bodyOf,
  checked,
  faultyInput,
  idempotencyOf,
  parseJson,
  requireDecodableQuery,
} from './request-input.ts';
import { allow, callerOf, requireMovesOrders, requireOwnCustomer } from './request-caller.ts';
import { traceparentOf } from './trace-context.ts';

/** The five routes of the order API. */
export function orderRoutes(service: OrderService, pageTokens: PageTokens): Router {
  const router = Router();
  router.use('/orders', requireJsonAccepted);

  router.post('/orders', allow('orders:write'), parseJson, async (request, response) => {
    const body = bodyOf(placeOrderBody, request);
    requireOwnCustomer(request, body.customer_id);
    const details = { customerId: body.customer_id, currency: body.currency, items: itemsOfBody(body.items) };
    const preconditions = preconditionsOf(request);
    requireMetByList(preconditions);
    const outcome = await service.place(details, changeRequest(request, { body, preconditions }));
    sendOrder(response.status(201).location(`/orders/${outcome.order.orderId}`), outcome);
  });

  router.get('/orders', allow('orders:read'), async (request, response) => {
    requireDecodableQuery(request);
    const query = checked(listQuery, request.query, 'query');
    const filter = { status: query.status, customerId: query.customer_id };
    const caller = callerOf(request);
    const list = { ...filter, confinedTo: caller.customerId };
    const after = query.page_token === undefined ? undefined : pageTokens.decode(query.page_token, list);
    if (query.page_token !== undefined && !after) {
      const detail = 'must be the next_page_token of an answer to the same filter';
      throw faultyInput('query', [{ pointer: '/query/page_token', detail }]);
    }
    const { orders, next } = await service.list({ ...filter, caller, limit: query.page_size, after });
    const nextPageToken = next ? pageTokens.encode(next, list) : null;
    sendUnlessKnown(request, response, listEtagOf(orders, nextPageToken), () => ({
      orders: orders.map(orderJson),
      next_page_token: nextPageToken,
    }));
  });

  router.get('/orders/:order_id', allow('orders:read'), async (request, response) => {
    const order = await service.get(orderIdOf(request), callerOf(request));
    sendUnlessKnown(request, response, etagOf(order), () => orderJson(order));
  });

  router.patch('/orders/:order_id', allow('orders:write'), parseJson, async (request, response) => {
    const orderId = orderIdOf(request);
    const body = bodyOf(changeItemsBody, request);
    const change = { items: itemsOfBody(body.items) };
    const asked = { orderId, body, preconditions: preconditionsOf(request) };
    sendOrder(response, await service.changeItems(orderId, change, changeRequest(request, asked)));
  });

  router.put('/orders/:order_id/status', allow('orders:write'), parseJson, async (request, response) => {
    const orderId = orderIdOf(request);
    const body = bodyOf(changeStatusBody, request);
    if (body.status !== 'cancelled') requireMovesOrders(request);
    const asked = { orderId, body, preconditions: preconditionsOf(request) };
    sendOrder(response, await service.changeStatus(orderId, body.status, changeRequest(request, asked)));
  });

  allowMethods(router, '/orders', ['GET', 'POST']);
  allowMethods(router, '/orders/:order_id', ['GET', 'PATCH']);
  allowMethods(router, '/orders/:order_id/status', ['PUT']);
  return router;
}

/** Before anything is done: a change whose answer cannot be read would be made again. */
const requireJsonAccepted: RequestHandler = (request, _response, next) => {
  if (request.method !== 'OPTIONS' && !request.accepts('application/json')) {
    throw new Problem('not_acceptable', 'answers are application/json: say so in Accept, or leave it out');
  }
  next();
};

function orderIdOf(request: Request): string {
  // One order, however its id is written.
  return checked(orderPath, request.params, 'path').order_id.toLowerCase();
}

/** What a request for a change asks for. */
interface Asked {
  readonly orderId?: string;
  readonly body: object;
  readonly preconditions: Preconditions;
}

function changeRequest(request: Request, asked: Asked): ChangeRequest {
  return {
    caller: callerOf(request),
    traceparent: traceparentOf(request),
    precondition: (current) => isMetBy(asked.preconditions, current),
    idempotency: idempotencyOf(request, asked),
  };
}

function sendUnlessKnown(request: Request, response: Response, etag: string, body: () => object): void {
  response.set('ETag', etag);
  if (hasAlready(request, etag)) response.status(304).end();
  else response.json(body());
}

function sendOrder(response: Response, { order, replayed }: OrderOutcome): void {
  if (replayed) response.set('Idempotency-Replayed', 'true');
  response.set('ETag', etagOf(order)).json(orderJson(order));
}
