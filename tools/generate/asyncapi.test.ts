import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { changeOrderStatus, placeOrder } from '@order-events/domain';
import { encodeOrderEvent, orderEventHeaders } from '@order-events/messaging';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { buildAsyncApiDocument } from './asyncapi.ts';

const document = buildAsyncApiDocument();

test('the document is AsyncAPI 3.1, by the schema of the specification', () => {
  const file = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.1.0-without-$id.json');
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats.default(ajv);
  const validate = ajv.compile(JSON.parse(readFileSync(file, 'utf8')));
  assert.ok(validate(document), ajv.errorsText(validate.errors));
  // It says no to what is none.
  assert.equal(validate({ ...document, channels: { orderEvents: { adress: 'orders.events' } } }), false);
  assert.equal(validate({ ...document, operations: { sendOrderEvent: { action: 'publish' } } }), false);
});

test('what the relay publishes is as the document says, and what is not is refused', () => {
  const context = { now: new Date(), eventId: '018f9c2e-6f0a-7b1c-9d2e-3f4a5b6c7d8e' };
  const items = [{ sku: 'mug', quantity: 2, unitPriceMinor: 1250 }];
  const placed = placeOrder({ customerId: 'c-1', currency: 'EUR', items }, 'order-1', context);
  const confirmed = changeOrderStatus(placed.order, 'confirmed', context);
  const isPayload = validatorOf('#/components/messages/orderEvent/payload');
  const areHeaders = validatorOf('#/components/messages/orderEvent/headers');
  for (const event of [...placed.events, ...confirmed.events]) {
    const value: Record<string, unknown> = JSON.parse(encodeOrderEvent(event));
    assert.ok(isPayload(value), JSON.stringify(isPayload.errors));
    assert.equal(isPayload({ ...value, order: {} }), false);
    const headers = orderEventHeaders(event, '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
    assert.ok(areHeaders(headers), JSON.stringify(areHeaders.errors));
    assert.equal(areHeaders({ ...headers, ce_id: 'none' }), false);
  }
});

test('every header that the relay sends is described', () => {
  const event = { eventId: '018f9c2e-6f0a-7b1c-9d2e-3f4a5b6c7d8e', eventType: 'order.created' } as const;
  const { schemas } = document.components as { schemas: { headers: { properties: object } } };
  const described = Object.keys(schemas.headers.properties);
  assert.deepEqual(
    Object.keys(orderEventHeaders(event, 'a trace', 'its state')).filter((name) => !described.includes(name)),
    [],
  );
});

/** Of a part of the document, whose references lead to its other parts. */
function validatorOf(pointer: string) {
  const ajv = new Ajv({ strict: false });
  formats.default(ajv);
  ajv.addSchema(document, 'asyncapi');
  const validate = ajv.getSchema(`asyncapi${pointer}`);
  assert.ok(validate);
  return validate;
}
