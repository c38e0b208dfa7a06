import { ORDER_STATUSES } from '@order-events/domain';
import { z } from 'zod';

/** What the API accepts and answers; OpenAPI is made from the same schemas. */

export const DEFAULT_PAGE_SIZE = 50;
export const MAX_PAGE_SIZE = 500;
/** Bounds an event far below what the outbox and Kafka take. */
const MAX_ITEMS = 1000;

const status = z.enum(ORDER_STATUSES).meta({ description: 'Status of the order.' });

/** Postgres stores neither U+0000 nor half a surrogate pair, and nobody means the other control characters. */
const text = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be Unicode text without control characters');
const customerId = text(200);

const item = z.strictObject({
  sku: text(64).meta({ description: 'Stock keeping unit.' }),
  quantity: z.int().min(1).max(1_000_000),
  unit_price_minor: z
    .int()
    .min(0)
    .max(1_000_000_000)
    .meta({ description: 'Price of one piece in minor units of the currency.' }),
});
const items = z.array(item).min(1).max(MAX_ITEMS);

export const placeOrderBody = z.strictObject({
  customer_id: customerId,
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as "EUR"')
    .meta({ description: 'ISO 4217 code.' }),
  items,
});

export const changeItemsBody = z.strictObject({ items });

export const changeStatusBody = z.strictObject({ status });

export const orderPath = z.strictObject({ order_id: z.uuid() });

export const listQuery = z.strictObject({
  status: status.optional(),
  customer_id: customerId.optional(),
  page_size: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_PAGE_SIZE)
    .default(DEFAULT_PAGE_SIZE)
    .meta({ description: 'Most orders of a page; it has fewer when they are large.' }),
  page_token: z.string().max(500).optional(),
});

export const orderAnswer = z.strictObject({
  order_id: z.uuid(),
  customer_id: z.string(),
  status,
  version: z.int().meta({ description: '1 when placed, one more with each change.' }),
  currency: z.string(),
  items: z.array(item),
  total_minor: z.int().meta({ description: 'Sum of the lines in minor units of the currency.' }),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});

export const orderListAnswer = z.strictObject({
  orders: z.array(orderAnswer).meta({ description: 'Newest first.' }),
  next_page_token: z
    .string()
    .nullable()
    .meta({ description: 'Give it back for the next page; null on the last.' }),
});

export const problemAnswer = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string().meta({ description: 'Stable; branch on it.' }),
  detail: z.string(),
  instance: z.string(),
  errors: z
    .array(z.strictObject({ pointer: z.string(), detail: z.string() }))
    .optional()
    .meta({
      description: 'What is wrong where: JSON pointers into the body, or /path, /query and /headers.',
    }),
});
