import { createChannel, createClientFactory } from 'nice-grpc-web';
import {
  areRenewable,
  type CallCredentials,
  checkMetadata,
  withMetadata,
  withToken,
} from './call-metadata.ts';
import { type OrderStreamServiceClient, OrderStreamServiceDefinition } from './gen/orders/v1/order_stream.ts';
import { followStream, type FollowStreamOptions } from './follow-stream.ts';
import type { FollowedItem } from './followed-item.ts';
import type { Connector } from './order-stream-connection.ts';
import { type OrderWatch, watchStream, type WatchStreamOptions } from './watch-stream.ts';
import { createWebTransport } from './web-transport.ts';

// The door for pages: nothing behind it needs Node.js. What else than watching it has not is what gRPC-Web cannot do.
export type { CallMetadata, MetadataFunction, TokenFunction } from './call-metadata.ts';
export { toDuration, toMilliseconds } from './duration.ts';
export type { FollowedItem } from './followed-item.ts';
export { TooManyOrdersError } from './followed-versions.ts';
export { OrderListAwayError, OrderListError } from './order-list.ts';
export { OrderStreamError } from './order-stream-error.ts';
export type { OrderWatch } from './watch-stream.ts';
export * from './gen/orders/v1/order_stream.ts';

/** `address` is the gateway's port for browsers, `https://host:port`. Its signal is for the stream, so leaving a page ends it. */
export interface WatchOrdersOptions extends WatchStreamOptions, CallCredentials {}

/** `api` must be of the page's own origin, or let it in; a `fetch` of one's own may say more of how it is asked. */
export interface FollowOrdersOptions extends FollowStreamOptions, CallCredentials {}

/** What a gateway answers to browsers. */
export type BrowserClient = Pick<OrderStreamServiceClient, 'watchOrders' | 'getReplayRange'>;

/** A client of one gateway, `https://host:port`, that does not resume streams by itself. Throws when metadata can never be used. */
export function createOrderStreamClient(address: string, credentials: CallCredentials = {}): BrowserClient {
  return createWebConnector(credentials).connect(address).client;
}

/**
 * Watches orders from a page for as long as it is iterated, over any number of connections: see watchOrders of Node.js, which is the
 * same but for how it connects.
 */
export function watchOrders(options: WatchOrdersOptions): OrderWatch {
  return watchStream(options, createWebConnector(options));
}

/** Lists orders and goes on with the stream, from a page: see followOrders of Node.js, which is the same but for how it connects. */
export function followOrders(options: FollowOrdersOptions): AsyncGenerator<FollowedItem, void, undefined> {
  return followStream(options, (which) => watchOrders({ ...options, ...which }));
}

function createWebConnector(credentials: CallCredentials): Connector {
  const { metadata = {}, token } = credentials;
  if (typeof metadata !== 'function') checkMetadata(metadata);
  const sent = token ? withToken(metadata, token) : metadata;
  const clients = createClientFactory().use(withMetadata(sent));
  return {
    connect: (address) => ({
      client: clients.create(OrderStreamServiceDefinition, createChannel(address, createWebTransport())),
      // Browsers keep their connections themselves; the stream is ended by its signal.
      close: () => {},
    }),
    areCredentialsRenewable: areRenewable(credentials),
  };
}
