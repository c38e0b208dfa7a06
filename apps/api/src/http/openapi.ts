import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import {
  changeItemsBody,
  changeStatusBody,
  listQuery,
  orderAnswer,
  orderListAnswer,
  placeOrderBody,
  problemAnswer,
} from './order-schemas.ts';
import { PROBLEMS, type ProblemCode } from './problem.ts';

export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly object[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, object>>;
}

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** OpenAPI 3.1 from the schemas that check the requests. */
export function buildOpenApiDocument(): OpenApiDocument {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Orders',
      version: packageJson.version,
      description:
        'Places orders and moves them through their statuses. Changes are pushed by the stream gateway: do not poll.',
    },
    paths: {
      '/orders': { get: LIST, post: PLACE },
      '/orders/{order_id}': { get: GET, patch: CHANGE_ITEMS },
      '/orders/{order_id}/status': { put: CHANGE_STATUS },
    },
    components: {
      schemas: {
        Order: jsonSchema(orderAnswer),
        OrderList: jsonSchema(orderListAnswer),
        PlaceOrder: jsonSchema(placeOrderBody),
        ChangeItems: jsonSchema(changeItemsBody),
        ChangeStatus: jsonSchema(changeStatusBody),
        Problem: jsonSchema(problemAnswer),
      },
    },
  };
}

const ORDER_ID = { name: 'order_id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } };
const IF_MATCH = {
  name: 'If-Match',
  in: 'header',
  description:
    'ETag of the order that the change was made for, or several. If-None-Match and If-Unmodified-Since are evaluated too.',
  schema: { type: 'string' },
};
const IF_NONE_MATCH = {
  name: 'If-None-Match',
  in: 'header',
  description: 'ETag of the order that the client has.',
  schema: { type: 'string' },
};
const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'Makes the request safe to repeat for 24 hours: sent again with its key it changes nothing and gets the first answer.',
  schema: { type: 'string', maxLength: 255 },
};
const ETAG = header('Version of the order, such as "v3".');
const CHANGE_HEADERS = {
  ETag: ETAG,
  'Idempotency-Replayed': header('"true" when this is the answer of an earlier request with the same key.'),
};
const CHANGE_FAULTS: ProblemCode[] = [
  'malformed_json',
  'payload_too_large',
  'unsupported_media_type',
  'invalid_order',
  'idempotency_key_in_use',
  'idempotency_key_reused',
  'read_only',
];

const PLACE: OpenApiOperation = {
  operationId: 'placeOrder',
  summary: 'Place an order',
  parameters: [IDEMPOTENCY_KEY],
  requestBody: body('PlaceOrder'),
  responses: {
    '201': answer('Order', 'The order.', { ...CHANGE_HEADERS, Location: header('Path of the order.') }),
    ...problems('precondition_failed', ...CHANGE_FAULTS),
  },
};
const LIST: OpenApiOperation = {
  operationId: 'listOrders',
  summary: 'List orders, newest first',
  parameters: Object.entries(listQuery.shape).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: jsonSchema(schema),
  })),
  responses: { '200': answer('OrderList', 'A page of orders.'), ...problems() },
};
const GET: OpenApiOperation = {
  operationId: 'getOrder',
  summary: 'Get an order',
  parameters: [ORDER_ID, IF_NONE_MATCH],
  responses: {
    '200': answer('Order', 'The order.', { ETag: ETAG }),
    '304': { description: 'The order still has the version of If-None-Match.' },
    ...problems('order_not_found'),
  },
};
const CHANGE_ITEMS: OpenApiOperation = {
  operationId: 'changeItems',
  summary: 'Change the lines of an order',
  description:
    'Each accepted change is a version and an event, also when the lines are those that the order has already.',
  parameters: [ORDER_ID, IF_MATCH, IDEMPOTENCY_KEY],
  requestBody: body('ChangeItems'),
  responses: {
    '200': answer('Order', 'The order after the change.', CHANGE_HEADERS),
    ...problems('order_not_found', 'order_busy', 'version_mismatch', ...CHANGE_FAULTS),
  },
};
const CHANGE_STATUS: OpenApiOperation = {
  operationId: 'changeStatus',
  summary: 'Move an order to another status',
  parameters: [ORDER_ID, IF_MATCH, IDEMPOTENCY_KEY],
  requestBody: body('ChangeStatus'),
  responses: {
    '200': answer('Order', 'The order after the change.', CHANGE_HEADERS),
    ...problems(
      'order_not_found',
      'order_busy',
      'invalid_status_transition',
      'version_mismatch',
      ...CHANGE_FAULTS,
    ),
  },
};

function jsonSchema(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
}

function reference(schema: string): object {
  return { schema: { $ref: `#/components/schemas/${schema}` } };
}

function body(schema: string): object {
  return { required: true, content: { 'application/json': reference(schema) } };
}

function answer(schema: string, description: string, headers?: object): object {
  return { description, ...(headers && { headers }), content: { 'application/json': reference(schema) } };
}

function header(description: string): object {
  return { description, schema: { type: 'string' } };
}

/** The problems that a route can answer beside those that every route can; one entry a status. */
function problems(...codes: ProblemCode[]): Record<string, object> {
  const all: ProblemCode[] = [
    ...(['validation_failed', 'unauthenticated', 'forbidden', ...codes, 'too_many_requests'] as const),
    ...(['internal_error', 'overloaded', 'keys_unavailable', 'service_unavailable'] as const),
  ];
  const byStatus = Map.groupBy(all, (code) => String(PROBLEMS[code].status));
  return Object.fromEntries(
    [...byStatus].map(([status, those]) => [
      status,
      { description: those.join(', '), content: { 'application/problem+json': reference('Problem') } },
    ]),
  );
}
