import { type RequestHandler, Router } from 'express';
import type { z } from 'zod';
import type { OrderService } from '../orders/order-service.ts';
import { allowMethods } from './allowed-methods.ts';
import { itemsOfBody } from './order-json.ts';
import { type importedOrder, importOrdersBody } from './order-schemas.ts';
import { allow, requireUnconfined } from './request-caller.ts';
import { bodyOf, faultyInput, parseJson } from './request-input.ts';
import { requireJsonAccepted } from './require-json-accepted.ts';
import { tracesOf } from './trace-context.ts';

/** Takes over orders from another system. To send a batch again is safe, so it has no idempotency key. */
export function orderImportRoute(service: OrderService): Router {
  const router = Router();
  const importBatch: RequestHandler = async (request, response) => {
    requireUnconfined(request);
    const body = bodyOf(importOrdersBody, request);
    const orders = body.orders.map(orderOfBody);
    requireEachOnce(orders.map(({ orderId }) => orderId));
    response.json(await service.import({ orders, events: body.events, traces: tracesOf(request) }));
  };
  router.use('/order-imports', requireJsonAccepted);
  router.post('/order-imports', allow('orders:admin'), parseJson, importBatch);
  allowMethods(router, '/order-imports', ['POST']);
  return router;
}

function orderOfBody(body: z.output<typeof importedOrder>) {
  return {
    // One order, however its id is written.
    orderId: body.order_id.toLowerCase(),
    customerId: body.customer_id,
    status: body.status,
    version: body.version,
    currency: body.currency,
    items: itemsOfBody(body.items),
    createdAt: new Date(body.created_at),
    updatedAt: new Date(body.updated_at ?? body.created_at),
  };
}

function requireEachOnce(orderIds: readonly string[]): void {
  const twice = orderIds.flatMap((orderId, index) =>
    orderIds.indexOf(orderId) < index
      ? [{ pointer: `/orders/${index}/order_id`, detail: 'is in the batch before' }]
      : [],
  );
  if (twice.length > 0) throw faultyInput('body', twice);
}
