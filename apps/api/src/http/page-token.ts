import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ListPosition } from '../orders/order-service.ts';

const content = z.tuple([z.literal(1), z.iso.datetime(), z.uuid(), z.string()]);

/** Opaque and versioned; it holds the place, so no offset is counted and new orders do not shift pages. */
export function encodePageToken(position: ListPosition, filter: object): string {
  const parts = [1, position.createdAt, position.orderId, fingerprint(filter)];
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** Undefined when the token is not one of ours or belongs to another filter. */
export function decodePageToken(token: string, filter: object): ListPosition | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    return undefined;
  }
  const result = content.safeParse(parts);
  if (!result.success) return undefined;
  const [, createdAt, orderId, of] = result.data;
  return of === fingerprint(filter) ? { createdAt, orderId } : undefined;
}

function fingerprint(filter: object): string {
  return createHash('sha256').update(JSON.stringify(filter)).digest('base64url').slice(0, 8);
}
