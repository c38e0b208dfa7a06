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

export const changeItemsBody = z.strictObject({ items });

export const changeStatusBody = z.strictObject({ status: orderStatus });

export const orderPath = z.strictObject({ order_id: z.uuid().meta({ description: 'Id of an order.' }) });

export const listQuery = z.strictObject({
  status: orderStatus.optional().meta({ description: 'Only orders in this status.' }),
  customer_id: customerId.optional().meta({ description: 'Only orders of this customer.' }),
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
