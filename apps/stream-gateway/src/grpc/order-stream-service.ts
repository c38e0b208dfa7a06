import type { LogReader } from '@order-events/messaging';
import {
  type GetReplayRangeResponse,
  OrderStreamServiceDefinition,
  type WatchOrdersRequest,
} from '@order-events/order-stream';
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import { createSubscriptions } from '../subscription/subscriptions.ts';
import { readReplayRange } from '../watch/replay-range.ts';
import { watchLog, type WatchSources } from '../watch/watcher.ts';
import { type ConsumeOrdersOptions, createConsumeOrders } from './consume-orders-call.ts';
import { serveStream } from './served-stream.ts';
import { createSubscriptionCalls } from './subscription-calls.ts';
import { parseWatchRequest } from './watch-request.ts';
import { encodeWatchResponse } from './watch-response.ts';

const { methods } = OrderStreamServiceDefinition;

/** A response that is encoded already. */
const ENCODED_RESPONSE = {
  encode: (encoded: Uint8Array) => ({ finish: () => encoded }),
  decode: (encoded: Uint8Array) => encoded,
};

/** The service with one difference: responses of the streams are encoded already. */
export const EncodedOrderStreamDefinition = {
  ...OrderStreamServiceDefinition,
  methods: {
    ...methods,
    watchOrders: { ...methods.watchOrders, responseType: ENCODED_RESPONSE },
    consumeOrders: { ...methods.consumeOrders, responseType: ENCODED_RESPONSE },
  },
} as const;

export interface OrderStreamServiceOptions extends ConsumeOrdersOptions {
  readonly sources: WatchSources & { readonly reader: Pick<LogReader, 'offsets' | 'fetchBlock'> };
}

export function createOrderStreamService(
  options: OrderStreamServiceOptions,
): ServiceImplementation<typeof EncodedOrderStreamDefinition> {
  const { sources, consumeSources } = options;
  return {
    watchOrders: (request, context) => watchOrders(request, context, options),
    async getReplayRange(_request, context): Promise<GetReplayRangeResponse> {
      const range = await readReplayRange(sources.log, sources.reader, context.signal);
      const { earliestToken, latestToken, earliestLogTimeMs } = range;
      return {
        earliestToken,
        latestToken,
        earliestLogTime: earliestLogTimeMs === undefined ? undefined : new Date(earliestLogTimeMs),
      };
    },
    consumeOrders: createConsumeOrders(options),
    ...createSubscriptionCalls(createSubscriptions({ ...sources, offsets: consumeSources.groups.offsets })),
  };
}

function watchOrders(
  request: WatchOrdersRequest,
  context: CallContext,
  options: OrderStreamServiceOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const wanted = parseWatchRequest(request, Date.now());
  return serveStream(
    { subscription: '', filter: request.filter },
    context,
    options,
    (watch, lifetime) => watchLog(wanted, watch, lifetime, options.sources, context.signal),
    encodeWatchResponse,
  );
}
