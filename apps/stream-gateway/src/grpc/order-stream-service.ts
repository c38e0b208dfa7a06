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
import { createCustomerView, type CustomerView } from '../watch/customer-view.ts';
import { watchLog, type WatchSources } from '../watch/watcher.ts';
import type { Audit } from './audit.ts';
import type { CallerContext } from './call-access.ts';
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
  readonly audit: Audit;
  /** Seals the resume tokens of clients that may know of one customer only. Undefined where access control is off. */
  readonly tokenSecret: string | undefined;
}

export function createOrderStreamService(
  options: OrderStreamServiceOptions,
): ServiceImplementation<typeof EncodedOrderStreamDefinition, CallerContext> {
  const { sources, subscriptionOffsets: offsets, subscriptionLags: lags } = options;
  return {
    watchOrders: (request, context) => watchOrders(request, context, options),
    async getReplayRange(_request, context): Promise<GetReplayRangeResponse> {
      const range = await readReplayRange(sources.log, sources.reader, context.signal);
      const view = viewOf(context, options);
      const { earliestToken, latestToken, earliestLogTimeMs } = view?.range(range) ?? range;
      return {
        earliestToken,
        latestToken,
        earliestLogTime: earliestLogTimeMs === undefined ? undefined : new Date(earliestLogTimeMs),
      };
    },
    consumeOrders: createConsumeOrders(options),
    ...createSubscriptionCalls(createSubscriptions({ ...sources, offsets, lags }), options.audit),
  };
}

function watchOrders(
  request: WatchOrdersRequest,
  context: CallContext & CallerContext,
  options: OrderStreamServiceOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const asked = parseWatchRequest(request, Date.now());
  const view = viewOf(context, options);
  const wanted = view ? { ...asked, start: view.start(asked.start), tellsPassed: false } : asked;
  // The filter that is registered, listed and matched is this one.
  if (view) request.filter = view.filter(request.filter);
  const { sources } = options;
  const otherBytes = tokenBytes(wanted.start, sources.log.topic()?.partitionCount ?? 0);
  return serveStream(
    { subscription: '', message: request, otherBytes },
    context,
    options,
    (watch, lifetime) => {
      const filter = watch.request.matches;
      const messages = watchLog({ ...wanted, filter }, watch, lifetime, sources, context.signal);
      return view?.messages(messages) ?? messages;
    },
    encodeWatchResponse,
  );
}

/** Undefined for a client that may know of all customers. */
function viewOf(
  { caller }: CallerContext,
  { tokenSecret }: Pick<OrderStreamServiceOptions, 'tokenSecret'>,
): CustomerView | undefined {
  const customerId = caller?.principal.customerId;
  if (customerId === undefined) return undefined;
  if (tokenSecret === undefined) throw new Error('there is no secret for the tokens of customers');
  return createCustomerView(customerId, tokenSecret);
}
