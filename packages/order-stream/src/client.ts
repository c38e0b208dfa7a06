import { createChannel, createClient } from 'nice-grpc';
import { OrderStreamServiceDefinition, type OrderStreamServiceClient } from './gen/orders/v1/order_stream.ts';

export interface OrderStreamConnection {
  readonly client: OrderStreamServiceClient;
  /** Ends the streams of this client and its connection. */
  close(): void;
}

/** Finds a server that vanished without a word: half of the time that the server itself allows. */
const KEEPALIVE_TIME_MS = 15_000;
const KEEPALIVE_TIMEOUT_MS = 5_000;

/** A client of one gateway, `host:port` without TLS. It connects with the first call and does not resume streams by itself. */
export function createOrderStreamClient(address: string): OrderStreamConnection {
  const channel = createChannel(address, undefined, {
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    // Clients of several gateways, or of one that moved, must not share a connection behind their backs.
    'grpc.use_local_subchannel_pool': 1,
  });
  return {
    client: createClient(OrderStreamServiceDefinition, channel),
    close: () => channel.close(),
  };
}
