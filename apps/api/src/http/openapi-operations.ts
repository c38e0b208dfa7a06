import type { Scope } from '@order-events/access';
import { answer, content, header, problems } from './openapi-answers.ts';
import * as examples from './openapi-examples.ts';
import type { ProblemCode } from './problem.ts';

export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly object[];
  readonly requestBody?: object;
  readonly security: readonly Readonly<Record<string, readonly Scope[]>>[];
  readonly responses: Readonly<Record<string, object>>;
}

/** A token with this scope, or nothing where access control is off. */
const tokenWith = (scope: Scope): OpenApiOperation['security'] => [{ bearer: [scope] }, {}];

const ORDER_ID = {
  name: 'order_id',
  in: 'path',
  required: true,
  description: 'Id of the order, as it was answered when the order was placed.',
  schema: { $ref: '#/components/schemas/OrderId' },
  example: examples.ORDER_ID,
};
/** Any state at all, or one entity tag or several. In this form generators make a header of it, and fuzzers only send what fits. */
const ENTITY_TAGS = {
  anyOf: [
    { type: 'string', enum: ['*'] },
    { type: 'string', pattern: '^(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*$' },
  ],
};
const IF_MATCH = {
  name: 'If-Match',
  in: 'header',
  description:
    'ETag of the order that the change was made for, or several. If-None-Match and If-Unmodified-Since are evaluated too.',
  schema: ENTITY_TAGS,
  example: '"v3"',
};
const ifNoneMatch = (what: string, example: string) => ({
  name: 'If-None-Match',
  in: 'header',
  description: `ETag of the ${what} that the client has.`,
  schema: { type: 'string' },
  example,
});
const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'Makes the request safe to repeat for 24 hours: sent again with its key it changes nothing and gets the first answer.',
  schema: { type: 'string', pattern: '^("[ !#-\\[\\]-~]{1,255}"|[!#-\\[\\]-~]{1,255})$' },
};
const ETAG = header('Version of the order.', '"v3"');
const LIST_TAG = 'W/"q2Yx0bJvT4mWkq1rT8yZ5w"';
const LIST_ETAG = header('Changes with each order of the page, and with which orders those are.', LIST_TAG);
const CHANGE_HEADERS = {
  ETag: ETAG,
  'Write-Position': header(
    'To wait for in a stream that is to have told all of this change; a text without a meaning of its own.',
    `1770000000000.3.${examples.ORDER_ID}`,
  ),
  'Idempotency-Replayed': header(
    '"true" when this is the answer of an earlier request with the same key.',
    'true',
    'optional',
  ),
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

/** What can be done next with the order that was answered. */
const ORDER_LINKS = {
  GetOrder: linkTo('getOrder', 'Reads the order again.'),
  ChangeItems: linkTo('changeItems', 'Changes its lines, unless it has changed meanwhile.', {
    'If-Match': '$response.header.ETag',
  }),
  ChangeStatus: linkTo('changeStatus', 'Moves it on, unless it has changed meanwhile.', {
    'If-Match': '$response.header.ETag',
  }),
};

function linkTo(operationId: string, description: string, parameters: Record<string, string> = {}): object {
  return { operationId, description, parameters: { order_id: '$response.body#/order_id', ...parameters } };
}

export const PLACE: OpenApiOperation = {
  operationId: 'placeOrder',
  summary: 'Place an order',
  tags: ['orders'],
  security: tokenWith('orders:write'),
  parameters: [IDEMPOTENCY_KEY],
  requestBody: { required: true, ...content('PlaceOrder', examples.PLACE_ORDER) },
  responses: {
    '201': answer({
      description: 'The order.',
      schema: 'Order',
      example: examples.PLACED_ORDER,
      headers: { ...CHANGE_HEADERS, Location: header('Path of the order.', `/orders/${examples.ORDER_ID}`) },
      links: ORDER_LINKS,
    }),
    ...problems('precondition_failed', ...CHANGE_FAULTS),
  },
};

/** `query` are the parameters that the schema of the query has. */
export function listOperation(query: readonly object[]): OpenApiOperation {
  return {
    operationId: 'listOrders',
    summary: 'List orders, newest first, or those that have changed',
    tags: ['orders'],
    security: tokenWith('orders:read'),
    parameters: [...query, ifNoneMatch('page', LIST_TAG)],
    responses: {
      '200': answer({
        description: 'A page of orders.',
        schema: 'OrderList',
        example: {
          orders: [examples.PLACED_ORDER],
          next_page_token: null,
          changes_token: examples.CHANGES_TOKEN,
        },
        headers: { ETag: LIST_ETAG },
      }),
      '304': answer({
        description: 'The page is still what If-None-Match names.',
        headers: { ETag: LIST_ETAG },
      }),
      ...problems('changes_expired'),
    },
  };
}

export const GET: OpenApiOperation = {
  operationId: 'getOrder',
  summary: 'Get an order',
  tags: ['orders'],
  security: tokenWith('orders:read'),
  parameters: [ORDER_ID, ifNoneMatch('order', '"v3"')],
  responses: {
    '200': answer({
      description: 'The order.',
      schema: 'Order',
      example: examples.CONFIRMED_ORDER,
      headers: { ETag: ETAG },
      links: ORDER_LINKS,
    }),
    '304': answer({
      description: 'The order still has the version of If-None-Match.',
      headers: { ETag: ETAG },
    }),
    ...problems('order_not_found'),
  },
};

export const CHANGE_ITEMS: OpenApiOperation = {
  operationId: 'changeItems',
  summary: 'Change the lines of an order',
  description:
    'Each accepted change is a version and an event, also when the lines are those that the order has already.',
  tags: ['orders'],
  security: tokenWith('orders:write'),
  parameters: [ORDER_ID, IF_MATCH, IDEMPOTENCY_KEY],
  requestBody: { required: true, ...content('ChangeItems', examples.CHANGE_ITEMS) },
  responses: {
    '200': answer({
      description: 'The order after the change.',
      schema: 'Order',
      example: examples.CHANGED_ORDER,
      headers: CHANGE_HEADERS,
      links: ORDER_LINKS,
    }),
    ...problems('order_not_found', 'order_busy', 'version_mismatch', ...CHANGE_FAULTS),
  },
};

export const CHANGE_STATUS: OpenApiOperation = {
  operationId: 'changeStatus',
  summary: 'Move an order to another status',
  tags: ['orders'],
  security: tokenWith('orders:write'),
  parameters: [ORDER_ID, IF_MATCH, IDEMPOTENCY_KEY],
  requestBody: { required: true, ...content('ChangeStatus', examples.CHANGE_STATUS) },
  responses: {
    '200': answer({
      description: 'The order after the change.',
      schema: 'Order',
      example: examples.CONFIRMED_ORDER,
      headers: CHANGE_HEADERS,
      links: ORDER_LINKS,
    }),
    ...problems(
      'order_not_found',
      'order_busy',
      'invalid_status_transition',
      'version_mismatch',
      ...CHANGE_FAULTS,
    ),
  },
};

export const IMPORT: OpenApiOperation = {
  operationId: 'importOrders',
  summary: 'Take over orders from another system',
  description:
    'With their own ids, versions and times, all in one transaction. To send a batch again changes nothing: what is there already is told as present, or as different.',
  tags: ['orders'],
  security: tokenWith('orders:admin'),
  requestBody: { required: true, ...content('ImportOrders', examples.IMPORT_ORDERS) },
  responses: {
    '200': answer({
      description: 'What became of the orders.',
      schema: 'ImportOutcome',
      example: examples.IMPORT_OUTCOME,
    }),
    ...problems(
      'malformed_json',
      'payload_too_large',
      'unsupported_media_type',
      'invalid_order',
      'import_in_progress',
      'read_only',
    ),
  },
};
