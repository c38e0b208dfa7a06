import type { LogReader } from '@order-events/messaging';
import {
  type GetReplayRangeResponse,
  OrderStreamServiceDefinition,
  type WatchOrdersRequest,
} from '@order-events/order-stream';
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import { ServerError, Status } from 'nice-grpc-common';
import { readReplayRange } from '../watch/replay-range.ts';
import { watchLog, type WatchSources } from '../watch/watcher.ts';
import { serveStream, type ServedStreamOptions } from './served-stream.ts';
import { parseWatchRequest } from './watch-request.ts';
import { encodeWatchResponse } from './watch-response.ts';

const { methods } = OrderStreamServiceDefinition;

/** The service with one difference: responses of WatchOrders are encoded already. */
export const EncodedOrderStreamDefinition = {
  ...OrderStreamServiceDefinition,
  methods: {
    ...methods,
    watchOrders: {
      ...methods.watchOrders,
      responseType: {
        encode: (encoded: Uint8Array) => ({ finish: () => encoded }),
        decode: (encoded: Uint8Array) => encoded,
      },
    },
  },
} as const;

export interface OrderStreamServiceOptions extends ServedStreamOptions {
  readonly sources: WatchSources & { readonly reader: Pick<LogReader, 'offsets' | 'fetchBlock'> };
}

export function createOrderStreamService(
  options: OrderStreamServiceOptions,
): ServiceImplementation<typeof EncodedOrderStreamDefinition> {
  const { sources } = options;
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
    consumeOrders: () => unimplemented('ConsumeOrders'),
    listSubscriptions: () => unimplemented('ListSubscriptions'),
    getSubscription: () => unimplemented('GetSubscription'),
    seekSubscription: () => unimplemented('SeekSubscription'),
    deleteSubscription: () => unimplemented('DeleteSubscription'),
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

function unimplemented(method: string): never {
  throw new ServerError(Status.UNIMPLEMENTED, `${method} is not available yet; WatchOrders is`);
}
