import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { ListPosition } from '../orders/order-service.ts';

/** Makes and reads the tokens by which a list goes on. */
export interface PageTokens {
  /** `of` is what the list is of: the filter, and to whose orders it is confined. */
  encode(position: ListPosition, of: object): string;
  /** Undefined when the token is not one of ours, or belongs to another list. */
  decode(token: string, of: object): ListPosition | undefined;
}

const content = z.tuple([z.literal(2), z.iso.datetime(), z.uuid()]);

/** Without access control everybody sees every order, so there is nothing to forge: the signature is a checksum then. */
const NO_SECRET = 'a checksum';
/** Half of SHA-256: nobody finds one by trying. */
const SIGNATURE_BYTES = 16;

/**
 * Opaque, versioned and signed; a token holds the place, so no offset is counted and new orders do not shift pages. Replicas that share
 * the secret take each other's. It lets nobody see more: what a caller is confined to is in the query, whatever the token says.
 */
export function createPageTokens(secret: string = NO_SECRET): PageTokens {
  const sign = (parts: string, of: object) =>
    createHmac('sha256', secret)
      .update(JSON.stringify([parts, of]))
      .digest()
      .subarray(0, SIGNATURE_BYTES);

  return {
    encode(position, of) {
      const parts = JSON.stringify([2, position.createdAt, position.orderId]);
      return Buffer.concat([sign(parts, of), Buffer.from(parts)]).toString('base64url');
    },

    decode(token, of) {
      const bytes = Buffer.from(token, 'base64url');
      const signature = bytes.subarray(0, SIGNATURE_BYTES);
      const parts = bytes.subarray(SIGNATURE_BYTES).toString();
      if (signature.length < SIGNATURE_BYTES || !timingSafeEqual(signature, sign(parts, of)))
        return undefined;
      const [, createdAt, orderId] = content.parse(JSON.parse(parts));
      return { createdAt, orderId };
    },
  };
}
