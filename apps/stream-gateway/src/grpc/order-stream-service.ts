import type { GroupOffsets, LogReader } from '@order-events/messaging';
import {
  type GetReplayRangeResponse,
  OrderStreamServiceDefinition,
  type WatchOrdersRequest,
} from '@order-events/order-stream';
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import type { SubscriptionLags } from '../subscription/subscription-lags.ts';
import { createSubscriptions } from '../subscription/subscriptions.ts';
import { readReplayRange } from '../position/replay-range.ts';
import { tokenBytes } from '../stream/request-memory.ts';
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
  readonly sources: WatchSources & { readonly reader: Pick<LogReader, 'ends' | 'place' | 'range'> };
  /** For the calls about subscriptions: their streams ask on other connections. */
  readonly subscriptionOffsets: GroupOffsets;
  readonly subscriptionLags: SubscriptionLags;
}

export function createOrderStreamService(
  options: OrderStreamServiceOptions,
): ServiceImplementation<typeof EncodedOrderStreamDefinition> {
  const { sources, subscriptionOffsets: offsets, subscriptionLags: lags } = options;
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
    ...createSubscriptionCalls(createSubscriptions({ ...sources, offsets, lags })),
  };
}

function watchOrders(
  request: WatchOrdersRequest,
  context: CallContext,
  options: OrderStreamServiceOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const wanted = parseWatchRequest(request, Date.now());
  const { sources } = options;
  const otherBytes = tokenBytes(wanted.start, sources.log.topic()?.partitionCount ?? 0);
  return serveStream(
    { subscription: '', message: request, otherBytes },
    context,
    options,
    (watch, lifetime) =>
      watchLog({ ...wanted, filter: watch.request.matches }, watch, lifetime, sources, context.signal),
    encodeWatchResponse,
  );
}
