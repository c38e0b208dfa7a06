import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import {
  CHANGE_ITEMS,
  CHANGE_STATUS,
  GET,
  IMPORT,
  listOperation,
  type OpenApiOperation,
  PLACE,
} from './openapi-operations.ts';
import {
  changeItemsBody,
  changeStatusBody,
  importedOrder,
  importOrdersBody,
  importOutcomeAnswer,
  listQuery,
  orderAnswer,
  orderItem,
  orderItemAnswer,
  orderListAnswer,
  orderPath,
  orderStatus,
  placeOrderBody,
  problemAnswer,
} from './order-schemas.ts';

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly object[];
  readonly servers: readonly object[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

const DESCRIPTION = `Places orders and moves them through their statuses. Changes are pushed by the stream gateway: do not poll.

Readers ignore members of answers that they do not know: new ones may come at any time. Members of requests that are not known are refused.
Every fault is a problem (RFC 9457) with a stable \`code\`.`;

/** The schemas that have a name in the document; what generated clients call their types. */
const SCHEMAS = z.registry<{ id: string }>();
for (const [id, schema] of Object.entries({
  OrderStatus: orderStatus,
  OrderId: orderPath.shape.order_id,
  OrderItem: orderItemAnswer,
  NewOrderItem: orderItem,
  Order: orderAnswer,
  OrderList: orderListAnswer,
  PlaceOrder: placeOrderBody,
  ChangeItems: changeItemsBody,
  ChangeStatus: changeStatusBody,
  ImportedOrder: importedOrder,
  ImportOrders: importOrdersBody,
  ImportOutcome: importOutcomeAnswer,
  Problem: problemAnswer,
  ListQuery: listQuery,
})) {
  SCHEMAS.add(schema, { id });
}

/** OpenAPI 3.1 from the schemas that check the requests. */
export function buildOpenApiDocument(): OpenApiDocument {
  const { ListQuery, ...schemas } = namedSchemas();
  return {
    openapi: '3.1.0',
    info: { title: 'Orders', version: packageJson.version, description: DESCRIPTION },
    tags: [{ name: 'orders', description: 'Orders, each with a version that grows with every change.' }],
    servers: [{ url: '/', description: 'Where this document is served.' }],
    paths: {
      '/orders': { get: listOperation(queryParameters(ListQuery)), post: PLACE },
      '/orders/{order_id}': { get: GET, patch: CHANGE_ITEMS },
      '/orders/{order_id}/status': { put: CHANGE_STATUS },
      '/order-imports': { post: IMPORT },
    },
    components: {
      schemas,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            'Needed where access control is on. The scopes that an operation names must be in `scope`.',
        },
      },
    },
  };
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

function namedSchemas(): Record<string, JsonSchema> {
  const { schemas } = z.toJSONSchema(SCHEMAS, {
    io: 'input',
    uri: (id) => `#/components/schemas/${id}`,
    override: ({ jsonSchema }) => {
      // The format says it, in all engines; the pattern beside it is as long as a calendar.
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    },
  });
  for (const schema of Object.values(schemas)) {
    delete schema.$schema;
    delete schema.$id;
  }
  return schemas;
}

function queryParameters(query: JsonSchema | undefined): object[] {
  return Object.entries(query?.properties ?? {}).map(([name, schema]) => {
    if (typeof schema === 'boolean') throw new Error(`the query's ${name} has no schema`);
    const { description, ...rest } = schema;
    return { name, in: 'query', required: false, description, schema: rest };
  });
}
