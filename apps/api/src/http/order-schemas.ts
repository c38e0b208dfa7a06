import {
  MAX_CUSTOMER_ID_LENGTH,
  MAX_SKU_LENGTH,
  NO_CONTROL_CHARACTERS,
  ORDER_STATUSES,
} from '@order-events/domain';
import { z } from 'zod';

/** What the API accepts and answers; OpenAPI is made from the same schemas. */

export const DEFAULT_PAGE_SIZE = 50;
export const MAX_PAGE_SIZE = 500;
/** More than the longest token has; two of them and a path fit into what servers take for headers. */
const MAX_TOKEN_LENGTH = 3000;
/** Bounds an event far below what the outbox and Kafka take. */
const MAX_ITEMS = 1000;

/** Named, with `orderItem` and others: what several schemas use is one schema of the OpenAPI document. */
export const orderStatus = z.enum(ORDER_STATUSES).meta({ description: 'Status of the order.' });

const TEXT = 'must be Unicode text without control characters';

/** What there can be; the domain says what may be new. */
const text = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .regex(NO_CONTROL_CHARACTERS, TEXT)
    .refine((value) => value.isWellFormed(), TEXT);
const customerId = text(MAX_CUSTOMER_ID_LENGTH);

const quantity = z.int().min(1).max(1_000_000);
const unitPriceMinor = z
  .int()
  .min(0)
  .max(1_000_000_000)
  .meta({ description: 'Price of one piece in minor units of the currency.' });
const SKU = { description: 'Stock keeping unit.' };
const NEW_ID_RULE =
  'Compared as it is. A new one that is not what it looks like is refused (422 `invalid_order`): not in the normal form NFC, or with invisible characters, those that set a direction, or spaces other than single ones (U+0020) within it.';

export const orderItem = z.strictObject({
  sku: text(MAX_SKU_LENGTH).meta({ description: `${SKU.description} ${NEW_ID_RULE}` }),
  quantity,
  unit_price_minor: unitPriceMinor,
});
const items = z.array(orderItem).min(1).max(MAX_ITEMS);

export const placeOrderBody = z.strictObject({
  customer_id: customerId.meta({ description: NEW_ID_RULE }),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as "EUR"')
    .meta({ description: 'ISO 4217 code.' }),
  items,
});

/** A batch is one transaction; a body has its own limit. */
const MAX_IMPORTED = 100;
/** Far more than an order can be changed; far from where the number ends. */
const MAX_IMPORTED_VERSION = 1_000_000;
const moment = z.iso
  .datetime({ offset: true })
  .meta({ description: 'With an offset; kept to the millisecond.' });

export const importedOrder = z.strictObject({
  order_id: z.uuid(),
  customer_id: customerId,
  status: orderStatus,
  version: z
    .int()
    .min(1)
    .max(MAX_IMPORTED_VERSION)
    .default(1)
    .meta({ description: 'How often it was written. Changes go on from here.' }),
  currency: placeOrderBody.shape.currency,
  items: z
    .array(orderItem.extend({ sku: text(MAX_SKU_LENGTH) }))
    .min(1)
    .max(MAX_ITEMS),
  created_at: moment,
  updated_at: moment
    .optional()
    .meta({ description: 'When it was changed last; as `created_at` by default.' }),
});

export const importOrdersBody = z.strictObject({
  orders: z.array(importedOrder).min(1).max(MAX_IMPORTED),
  events: z.boolean().default(true).meta({
    description:
      'Whether consumers are told: each imported order has its `order.created`, with its own status, version and time. Without, they learn of it with its next change, and `changed_since` does so too.',
  }),
});

export const changeItemsBody = z.strictObject({ items });

export const changeStatusBody = z.strictObject({ status: orderStatus });

export const orderPath = z.strictObject({ order_id: z.uuid().meta({ description: 'Id of an order.' }) });

/** Most of what a query may name of each; more do not fit into what proxies take for an address. */
const MAX_CUSTOMERS = 20;
const MAX_ORDERS = 100;

/** A parameter that may be given several times. */
const several = <One extends z.ZodType>(one: One, max: number) =>
  z.preprocess(
    (given) => (given === undefined || Array.isArray(given) ? given : [given]),
    z.array(one).min(1).max(max).optional(),
  );

export const listQuery = z.strictObject({
  status: orderStatus.optional().meta({ description: 'Only orders in this status.' }),
  customer_id: customerId.optional().meta({ description: 'Only orders of this customer.' }),
  statuses: several(orderStatus, ORDER_STATUSES.length).meta({
    description: 'Only orders in one of these statuses; given once for each. Instead of `status`.',
  }),
  customer_ids: several(customerId, MAX_CUSTOMERS).meta({
    description: 'Only orders of one of these customers; given once for each. Instead of `customer_id`.',
  }),
  order_ids: several(z.uuid(), MAX_ORDERS).meta({
    description: 'Only these orders; given once for each.',
  }),
  page_size: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_PAGE_SIZE)
    .default(DEFAULT_PAGE_SIZE)
    .meta({ description: 'Most orders of a page; it has fewer when they are large.' }),
  changed_since: z.string().max(MAX_TOKEN_LENGTH).optional().meta({
    description:
      '`changes_token` of an answer: only orders that have changed since then, as they are now, in no particular order. Status and customer are those of now: an order that has left the status is not listed. 410 `changes_expired` when that cannot be told any more: begin again without it.',
  }),
  page_token: z
    .string()
    .max(MAX_TOKEN_LENGTH)
    .optional()
    .meta({ description: '`next_page_token` of the page before, with the same filter and `changed_since`.' }),
});

// Answers are open: a reader that refused what it does not know would stand in the way of every new member.

export const orderItemAnswer = z.object({
  sku: z.string().meta(SKU),
  quantity,
  unit_price_minor: unitPriceMinor,
});

export const orderAnswer = z.object({
  order_id: orderPath.shape.order_id,
  customer_id: z.string(),
  status: orderStatus,
  version: z.int().min(1).meta({ description: '1 when placed, one more with each change.' }),
  currency: z.string().meta({ description: 'ISO 4217 code.' }),
  items: z.array(orderItemAnswer),
  total_minor: z.int().min(0).meta({ description: 'Sum of the lines in minor units of the currency.' }),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});

export const orderListAnswer = z.object({
  orders: z.array(orderAnswer).meta({ description: 'Newest first, unless `changed_since` was given.' }),
  next_page_token: z
    .string()
    .nullable()
    .meta({ description: 'Give it back for the next page, also when this one is empty; null on the last.' }),
  changes_token: z.string().nullable().meta({
    description:
      'Once all pages are read: give it as `changed_since` to learn what has changed since the first of them was. Null when a standby of the database answers.',
  }),
});

const orderIds = z.array(orderPath.shape.order_id);

export const importOutcomeAnswer = z.object({
  imported: orderIds,
  present: orderIds.meta({ description: 'They were there, as they were or with later changes.' }),
  different: orderIds.meta({ description: 'There are others with these ids: nothing was changed.' }),
});

export const problemAnswer = z.object({
  type: z.string().meta({ description: 'Leads to a page of the API that explains it.' }),
  title: z.string(),
  status: z.int().min(400).max(599),
  code: z.string().meta({ description: 'Stable; branch on it.' }),
  detail: z.string(),
  instance: z.string(),
  trace_id: z.string().meta({ description: 'As X-Request-Id: tell it to whoever runs the API.' }),
  errors: z
    .array(z.object({ pointer: z.string(), detail: z.string() }))
    .optional()
    .meta({
      description: 'What is wrong where: JSON pointers into the body, or /path, /query and /headers.',
    }),
});
