import { OrderStreamServiceDefinition } from '@order-events/order-stream';
import { Metadata } from 'nice-grpc-common';
import { type Client, createChannel, createClientFactory, NodeHttpTransport } from 'nice-grpc-web';

/** Somebody else's client of gRPC-Web, which speaks HTTP/1.1. `headers` go with each call. */
export function createWebClient(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Client<typeof OrderStreamServiceDefinition> {
  const channel = createChannel(url, NodeHttpTransport());
  return createClientFactory()
    .use((call, options) => call.next(call.request, { ...options, metadata: Metadata(headers) }))
    .create(OrderStreamServiceDefinition, channel);
}
