// order-stream.js is the client of packages/order-stream for browsers, in one file: made by `make generate`.
export {
  OrderStatus,
  OrderStreamError,
  watchOrders,
  type OrderEvent,
  type WatchOrdersResponse,
} from '@order-events/order-stream/browser';
