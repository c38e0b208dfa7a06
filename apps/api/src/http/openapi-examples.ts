import type { z } from 'zod';
import type {
  changeItemsBody,
  changeStatusBody,
  importOrdersBody,
  importOutcomeAnswer,
  orderAnswer,
  placeOrderBody,
} from './order-schemas.ts';

/** Examples of the document. A test sends each request and gets the answer that is shown with it, but for ids and times. */
export const ORDER_ID = '01a20bba-9cac-7cfa-89b5-25123c8cd915';

export const CHANGES_TOKEN = 'kq3Y0bJvT4mWkq1rT8yZ5w';

export const PLACE_ORDER: z.input<typeof placeOrderBody> = {
  customer_id: 'c-1',
  currency: 'EUR',
  items: [{ sku: 'tea', quantity: 2, unit_price_minor: 450 }],
};

export const CHANGE_ITEMS: z.input<typeof changeItemsBody> = {
  items: [
    { sku: 'tea', quantity: 2, unit_price_minor: 450 },
    { sku: 'cup', quantity: 1, unit_price_minor: 1200 },
  ],
};

export const CHANGE_STATUS: z.input<typeof changeStatusBody> = { status: 'confirmed' };

export const PLACED_ORDER: z.input<typeof orderAnswer> = {
  order_id: ORDER_ID,
  ...PLACE_ORDER,
  status: 'pending',
  version: 1,
  total_minor: 900,
  created_at: '2026-02-17T10:00:00.123Z',
  updated_at: '2026-02-17T10:00:00.123Z',
};

export const CHANGED_ORDER: z.input<typeof orderAnswer> = {
  ...PLACED_ORDER,
  ...CHANGE_ITEMS,
  version: 2,
  total_minor: 2100,
  updated_at: '2026-02-17T10:05:00.456Z',
};

export const CONFIRMED_ORDER: z.input<typeof orderAnswer> = {
  ...CHANGED_ORDER,
  ...CHANGE_STATUS,
  version: 3,
  updated_at: '2026-02-17T10:06:00.789Z',
};

export const IMPORT_ORDERS: z.input<typeof importOrdersBody> = {
  orders: [
    {
      order_id: 'b7f0a6f2-2f4e-4d0b-9c3e-6a1f0c8d5e21',
      customer_id: 'c-7',
      status: 'shipped',
      version: 4,
      currency: 'EUR',
      items: [{ sku: 'tea', quantity: 1, unit_price_minor: 450 }],
      created_at: '2025-11-03T08:15:00Z',
      updated_at: '2025-11-05T16:40:12.5Z',
    },
  ],
  events: true,
};

export const IMPORT_OUTCOME: z.input<typeof importOutcomeAnswer> = {
  imported: ['b7f0a6f2-2f4e-4d0b-9c3e-6a1f0c8d5e21'],
  present: [],
  different: [],
};
