import { createChannel, createClientFactory } from 'nice-grpc';
import { checkMetadata, withMetadata, withToken } from './call-metadata.ts';
import { warnOfClearText } from './clear-text-warning.ts';
import { type ConnectionOptions, secureChannel } from './connection-options.ts';
import { OrderStreamServiceDefinition, type OrderStreamServiceClient } from './gen/orders/v1/order_stream.ts';

export interface OrderStreamConnection {
  readonly client: OrderStreamServiceClient;
  /** Ends the streams of this client and its connection. */
  close(): void;
}

/** Finds a server that vanished without a word: half of the time that the server itself allows. */
const KEEPALIVE_TIME_MS = 15_000;
const KEEPALIVE_TIMEOUT_MS = 5_000;

/**
 * A client of one gateway, `host:port`. It connects with the first call and does not resume streams by itself. Throws when a
 * certificate, a key or metadata can never be used.
 */
export function createOrderStreamClient(
  address: string,
  options: ConnectionOptions = {},
): OrderStreamConnection {
  return createConnector(options)(address);
}

/** Makes clients with the same options. Throws at once, not with the first client, when options that stay can never be used. */
export function createConnector(options: ConnectionOptions): (address: string) => OrderStreamConnection {
  const { tls, metadata = {}, token, channelOptions } = options;
  if (typeof tls === 'object') secureChannel(tls);
  if (typeof metadata !== 'function') checkMetadata(metadata);
  const sent = token ? withToken(metadata, token) : metadata;
  return (address) => {
    const chosen = typeof tls === 'function' ? tls() : (tls ?? address.startsWith('https:'));
    const secured = secureChannel(chosen);
    const channel = createChannel(address, secured.credentials, {
      'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      // Clients of several gateways, or of one that moved, must not share a connection behind their backs.
      'grpc.use_local_subchannel_pool': 1,
      ...secured.channelOptions,
      ...channelOptions,
    });
    const noteNames = (names: readonly string[]) => chosen || warnOfClearText(address, names);
    const clients = createClientFactory().use(withMetadata(sent, noteNames));
    return {
      client: clients.create(OrderStreamServiceDefinition, channel),
      close: () => channel.close(),
    };
  };
}
