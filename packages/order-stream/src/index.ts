export { createOrderStreamClient, type OrderStreamConnection } from './client.ts';
export type { CallMetadata, MetadataFunction, TokenFunction } from './call-metadata.ts';
export type { ConnectionOptions, TlsOptions } from './connection-options.ts';
export { toDuration, toMilliseconds } from './duration.ts';
export {
  decodeErrorDetails,
  encodeErrorDetails,
  type ErrorDetails,
  ERROR_DETAILS_TRAILER,
  RESUME_TOKEN_TRAILER,
} from './error-details.ts';
export { consumeOrders, type ConsumedBatch, type ConsumeOrdersOptions } from './consume-orders.ts';
export { watchOrders, type WatchOrdersOptions } from './watch-orders.ts';
export { OrderStreamError } from './order-stream-error.ts';
export { DESCRIPTOR_SET } from './descriptor-set.ts';
export * from './gen/orders/v1/order_stream.ts';
