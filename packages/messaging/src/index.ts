export { keyHash } from './key-hash.ts';
export { EVENT_ID_HEADER, orderEventHeaders } from './order-event-headers.ts';
export { decodeOrderEvent, encodeOrderEvent, InvalidOrderMessageError } from './order-message.ts';
