export { createOrderStreamAdminClient, createOrderStreamClient } from './client.ts';
export type { OrderStreamAdminConnection, OrderStreamConnection } from './order-stream-connection.ts';
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
export {
  consumeOrders,
  type ConsumedBatch,
  type ConsumeOrdersOptions,
  type RejectPolicyOptions,
} from './consume-orders.ts';
export type { Rejection } from './acknowledgements.ts';
export { handleOrders, type HandleOrdersOptions, Reject, Retry } from './handle-orders.ts';
export { startProcessSpan, type ProcessSpanOptions } from './process-span.ts';
export { watchOrders, type WatchOrdersOptions } from './watch-orders.ts';
export type { OrderWatch } from './watch-stream.ts';
export type { FollowedItem } from './followed-item.ts';
export { followOrders, type FollowOrdersOptions } from './follow-orders.ts';
export { viewOrders, type OrderView, type ViewedOrder, type ViewOrdersOptions } from './order-view.ts';
export { TooManyOrdersError } from './followed-versions.ts';
export { OrderListAwayError, OrderListError } from './order-list.ts';
export { OrderStreamError } from './order-stream-error.ts';
export { DESCRIPTOR_SET } from './descriptor-set.ts';
export * from './gen/orders/v1/order_stream.ts';
