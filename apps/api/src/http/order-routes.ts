import { type Request, type Response, Router } from 'express';
import type { ChangeRequest, OrderOutcome, OrderService } from '../orders/order-service.ts';
import { writePositionText } from '../orders/write-position.ts';
import { allowMethods } from './allowed-methods.ts';
import { etagOf, itemsOfBody, orderJson } from './order-json.ts';
import { listRoute } from './order-list-route.ts';
import { changeItemsBody, changeStatusBody, orderPath, placeOrderBody } from './order-schemas.ts';
import type { PageTokens } from './page-token.ts';
import { isMetBy, type Preconditions, preconditionsOf, requireMetByList } from './preconditions.ts';
import { bodyOf, checked, idempotencyOf, parseJson } from './request-input.ts';
import { allow, callerOf, requireMovesOrders, requireOwnCustomer } from './request-caller.ts';
import { requireJsonAccepted } from './require-json-accepted.ts';
import { sendUnlessKnown } from './send-unless-known.ts';
import { tracesOf } from './trace-context.ts';

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

  router.get('/orders', allow('orders:read'), listRoute(service, pageTokens));

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
    ...tracesOf(request),
    precondition: (current) => isMetBy(asked.preconditions, current),
    idempotency: idempotencyOf(request, asked),
  };
}

function sendOrder(response: Response, { order, replayed, position }: OrderOutcome): void {
  response.set('Write-Position', writePositionText(position));
  if (replayed) response.set('Idempotency-Replayed', 'true');
  response.set('ETag', etagOf(order)).json(orderJson(order));
}
