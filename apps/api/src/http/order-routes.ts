import { Router } from 'express';
import type { Request } from 'express';
import type { ChangeRequest, OrderService } from '../orders/order-service.ts';
import { etagOf, itemsOfBody, orderJson } from './order-json.ts';
import { changeItemsBody, changeStatusBody, listQuery, orderPath, placeOrderBody } from './order-schemas.ts';
import { decodePageToken, encodePageToken } from './page-token.ts';
import { Problem } from './problem.ts';
import { bodyOf, checked, expectedVersionOf, traceparentOf } from './request-input.ts';

/** The five routes of the order API. */
export function orderRoutes(service: OrderService): Router {
  const router = Router();

  router.post('/orders', async (request, response) => {
    const body = bodyOf(placeOrderBody, request);
    const details = { customerId: body.customer_id, currency: body.currency, items: itemsOfBody(body.items) };
    const order = await service.place(details, { traceparent: traceparentOf(request) });
    response
      .status(201)
      .location(`/orders/${order.orderId}`)
      .set('ETag', etagOf(order))
      .json(orderJson(order));
  });

  router.get('/orders', async (request, response) => {
    const {
      status,
      customer_id: customerId,
      page_size: pageSize,
      page_token: token,
    } = checked(listQuery, request.query, 'query');
    const filter = { status, customerId };
    const after = token === undefined ? undefined : decodePageToken(token, filter);
    if (token !== undefined && !after) {
      const detail = 'must be the next_page_token of an answer to the same filter';
      throw new Problem('validation_failed', 'the query has a fault', {
        errors: [{ pointer: '/query/page_token', detail }],
      });
    }
    // One more than asked for tells whether there is another page.
    const orders = await service.list({ ...filter, limit: pageSize + 1, after });
    const page = orders.slice(0, pageSize);
    const last = orders.length > pageSize ? page.at(-1) : undefined;
    response.json({
      orders: page.map(orderJson),
      next_page_token: last ? encodePageToken(last, filter) : null,
    });
  });

  router.get('/orders/:order_id', async (request, response) => {
    const order = await service.get(orderIdOf(request));
    // Express answers 304 when If-None-Match has this tag.
    response.set('ETag', etagOf(order)).json(orderJson(order));
  });

  router.patch('/orders/:order_id', async (request, response) => {
    const orderId = orderIdOf(request);
    const { items } = bodyOf(changeItemsBody, request);
    const order = await service.changeItems(orderId, { items: itemsOfBody(items) }, changeRequest(request));
    response.set('ETag', etagOf(order)).json(orderJson(order));
  });

  router.put('/orders/:order_id/status', async (request, response) => {
    const orderId = orderIdOf(request);
    const { status } = bodyOf(changeStatusBody, request);
    const order = await service.changeStatus(orderId, status, changeRequest(request));
    response.set('ETag', etagOf(order)).json(orderJson(order));
  });

  for (const [path, allowed] of ALLOWED_METHODS) {
    router.all(path, (request) => {
      const detail = `${path} takes ${allowed}, not ${request.method}`;
      throw new Problem('method_not_allowed', detail, { headers: { Allow: allowed } });
    });
  }
  return router;
}

const ALLOWED_METHODS = [
  ['/orders', 'GET, HEAD, POST'],
  ['/orders/:order_id', 'GET, HEAD, PATCH'],
  ['/orders/:order_id/status', 'PUT'],
] as const;

function orderIdOf(request: Request): string {
  return checked(orderPath, request.params, 'path').order_id;
}

function changeRequest(request: Request): ChangeRequest {
  return { traceparent: traceparentOf(request), expectedVersion: expectedVersionOf(request) };
}
