import { z } from 'zod';
import type { HeldRequest } from './held-request.ts';
import { readStored } from './stored-json.ts';

/** Gateways that know of no requests take no notice of a key that begins like this: names of subscriptions do not. */
const PREFIX = '/';
const SEPARATOR = '/';

/** Of records that come of a request: so whoever has asked finds out what was done. */
export const REQUEST_HEADER = 'request';

const offset = z.string().regex(/^-?\d{1,19}$/);
const storedRequest = z.discriminatedUnion('kind', [
  z.object({
    version: z.literal(1),
    kind: z.enum(['requeue', 'discard']),
    order_id: z.string().optional(),
    event_id: z.string().optional(),
    up_to_offset: offset,
  }),
  z.object({
    version: z.literal(1),
    kind: z.literal('discard unreadable'),
    record_key: z.string().optional(),
    record_offset: offset,
  }),
]);

export function requestKey(subscription: string, requestId: string): string {
  return PREFIX + subscription + SEPARATOR + requestId;
}

/** Undefined for a key that is none of a request of the subscription. */
export function requestIdOf(subscription: string, key: string): string | undefined {
  const prefix = requestKey(subscription, '');
  return key.startsWith(prefix) ? key.slice(prefix.length) : undefined;
}

export function encodeRequest(request: HeldRequest): string {
  return JSON.stringify(toStored(request));
}

function toStored(request: HeldRequest): z.input<typeof storedRequest> {
  if (request.kind === 'discard unreadable') {
    const { kind, recordKey, recordOffset } = request;
    const ofRecord = recordKey === undefined ? {} : { record_key: recordKey };
    return { version: 1, kind, ...ofRecord, record_offset: String(recordOffset) };
  }
  const { kind, orderId, eventId, upToOffset } = request;
  return {
    version: 1,
    kind,
    ...(orderId === undefined ? {} : { order_id: orderId }),
    ...(eventId === undefined ? {} : { event_id: eventId }),
    up_to_offset: String(upToOffset),
  };
}

/** Throws an InvalidHeldRecordError at a value that encodeRequest does not make. */
export function decodeRequest(id: string, value: Buffer): HeldRequest {
  const stored = readStored(storedRequest, value);
  if (stored.kind === 'discard unreadable') {
    const { kind, record_key: recordKey } = stored;
    return { id, kind, recordKey, recordOffset: BigInt(stored.record_offset) };
  }
  const { kind, order_id: orderId, event_id: eventId } = stored;
  return { id, kind, orderId, eventId, upToOffset: BigInt(stored.up_to_offset) };
}
