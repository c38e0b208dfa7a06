import { createChannel, createClientFactory } from 'nice-grpc';
import { areRenewable, checkMetadata, withMetadata, withToken } from './call-metadata.ts';
import { warnOfClearText } from './clear-text-warning.ts';
import { type ConnectionOptions, secureChannel } from './connection-options.ts';
import {
  OrderStreamAdminServiceDefinition,
  OrderStreamServiceDefinition,
} from './gen/orders/v1/order_stream.ts';
import type {
  Connector,
  OrderStreamAdminConnection,
  OrderStreamConnection,
} from './order-stream-connection.ts';

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
  return createConnector(options).connect(address);
}

/** The same for the operators' port of a gateway. */
export function createOrderStreamAdminClient(
  address: string,
  options: ConnectionOptions = {},
): OrderStreamAdminConnection {
  const { clients, channel } = createOpening(options)(address);
  return {
    client: clients.create(OrderStreamAdminServiceDefinition, channel),
    close: () => channel.close(),
  };
}

/** Makes clients with the same options. Throws at once, not with the first client, when options that stay can never be used. */
export function createConnector(options: ConnectionOptions): Connector {
  const open = createOpening(options);
  const connect = (address: string): OrderStreamConnection => {
    const { clients, channel } = open(address);
    return {
      client: clients.create(OrderStreamServiceDefinition, channel),
      close: () => channel.close(),
    };
  };
  const areCredentialsRenewable = areRenewable(options) || typeof options.tls === 'function';
  return { connect, areCredentialsRenewable };
}

/** Opens channels with the same options, and makes what calls on them are made with. */
function createOpening(options: ConnectionOptions) {
  const { tls, metadata = {}, token, channelOptions } = options;
  if (typeof tls === 'object') secureChannel(tls);
  if (typeof metadata !== 'function') checkMetadata(metadata);
  const sent = token ? withToken(metadata, token) : metadata;
  return (address: string) => {
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
    return { clients: createClientFactory().use(withMetadata(sent, noteNames)), channel };
  };
}
