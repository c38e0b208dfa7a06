import { readFileSync } from 'node:fs';
import { EVENT_ID_HEADER, REPLAY_ID_HEADER } from '@order-events/messaging';
import packageJson from '../../package.json' with { type: 'json' };

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
type JsonObject = Readonly<Record<string, Json>>;

const MESSAGE_SCHEMA = new URL(
  '../../packages/messaging/src/message/order-event.schema.json',
  import.meta.url,
);
/** Where the definitions of the message's schema stand in this document. */
const SCHEMAS = '#/components/schemas/';

/** AsyncAPI 3.1 for those who read the topic with Kafka: the message's schema, its headers and its key. */
export function buildAsyncApiDocument(): JsonObject {
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Order events',
      version: packageJson.version,
      description:
        'Every committed change of an order, once and in order per order. Readers ignore fields and headers that they do not know, ' +
        'skip records whose ce_type they do not know, and handle an event that comes again (`event_id`).',
    },
    defaultContentType: 'application/json',
    channels: { orderEvents: CHANNEL },
    operations: {
      sendOrderEvent: {
        action: 'send',
        channel: { $ref: '#/channels/orderEvents' },
        summary:
          'The relay publishes each event after its transaction has committed. Nobody else writes to the topic.',
        messages: [{ $ref: '#/channels/orderEvents/messages/orderEvent' }],
      },
    },
    components: { messages: { orderEvent: MESSAGE }, schemas: { headers: HEADERS, ...messageSchemas() } },
  };
}

const CHANNEL: JsonObject = {
  address: 'orders.events',
  title: 'The topic of order events',
  description: 'Its name is the setting KAFKA_TOPIC. The time of a record is when the broker appended it.',
  messages: { orderEvent: { $ref: '#/components/messages/orderEvent' } },
  bindings: { kafka: { topic: 'orders.events', bindingVersion: '0.5.0' } },
};

const MESSAGE: JsonObject = {
  name: 'order-event',
  title: 'A change of one order',
  contentType: 'application/json',
  headers: { $ref: `${SCHEMAS}headers` },
  payload: { $ref: `${SCHEMAS}orderEvent` },
  correlationId: {
    description: 'The same in every delivery of an event.',
    location: `$message.header#/${EVENT_ID_HEADER}`,
  },
  bindings: {
    kafka: {
      key: { type: 'string', description: 'The id of the order: all its events are in one partition.' },
      bindingVersion: '0.5.0',
    },
  },
};

const HEADERS: JsonObject = {
  description: 'CloudEvents 1.0 in the binary mode of Kafka. Values are UTF-8.',
  type: 'object',
  required: ['ce_specversion', EVENT_ID_HEADER, 'ce_type', 'ce_source', 'content-type'],
  properties: {
    ce_specversion: { const: '1.0' },
    [EVENT_ID_HEADER]: { description: 'As event_id.', type: 'string', format: 'uuid' },
    ce_type: { description: 'As event_type.', type: 'string' },
    ce_source: { type: 'string', format: 'uri-reference' },
    'content-type': { const: 'application/json' },
    traceparent: {
      description: 'W3C trace context of the request that made the change, when it had one.',
      type: 'string',
    },
    tracestate: {
      description:
        'What else the systems that took part in the trace said of it, as W3C Trace Context has it.',
      type: 'string',
    },
    [REPLAY_ID_HEADER]: {
      description: 'On an event that an operator had published again: which replay.',
      type: 'string',
    },
  },
};

/** The schema of the message and its definitions side by side, with references that lead there. */
function messageSchemas(): Record<string, Json> {
  const schema: Record<string, Json> = JSON.parse(readFileSync(MESSAGE_SCHEMA, 'utf8'));
  const { $schema: _dialect, $id: _id, $defs: definitions, ...orderEvent } = schema;
  const named = Object.entries(definitions as JsonObject).map(([name, definition]) => [
    name,
    leadingHere(definition),
  ]);
  return { orderEvent: leadingHere(orderEvent), ...Object.fromEntries(named) };
}

function leadingHere(value: Json): Json {
  return JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', `"${SCHEMAS}`));
}
