import type { ConsumeOrdersRequest } from '@order-events/order-stream';
import type { CallContext } from 'nice-grpc';
import type { ClientAnswers } from '../consume/client-answers.ts';
import { consumeLog, type ConsumeSources } from '../consume/consumer.ts';
import { creditBytes } from '../consume/unacknowledged-events.ts';
import { StreamError } from '../stream/stream-error.ts';
import { tokenBytes } from '../stream/request-memory.ts';
import { type CallerContext, requireSubscription } from './call-access.ts';
import { firstRequest, laterRequest, parseOpenRequest } from './consume-request.ts';
import { encodeConsumeResponse } from './consume-response.ts';
import { serveStream, type ServedStreamOptions } from './served-stream.ts';

export interface ConsumeOrdersOptions extends ServedStreamOptions {
  readonly consumeSources: ConsumeSources;
  /** Each is a member of a consumer group, with a connection to Kafka. */
  readonly maxConsumers: number;
}

type ConsumeOrders = (
  requests: AsyncIterable<ConsumeOrdersRequest>,
  context: CallContext & CallerContext,
) => AsyncGenerator<Uint8Array, void, undefined>;

export function createConsumeOrders(options: ConsumeOrdersOptions): ConsumeOrders {
  const { consumeSources, maxConsumers } = options;
  let consumers = 0;

  return async function* consumeOrders(requests, context) {
    const iterator = requests[Symbol.asyncIterator]();
    const open = firstRequest(await firstOf(iterator));
    const wanted = parseOpenRequest(open, Date.now());
    requireSubscription(context.caller, wanted.subscription);
    if (consumers >= maxConsumers) {
      options.metrics.streamRefused('TOO_MANY_CONSUMERS');
      const text = `this server has ${maxConsumers} consumers, its limit: try another one, or later`;
      throw new StreamError('TOO_MANY_CONSUMERS', text);
    }
    consumers += 1;
    try {
      const { subscription } = wanted;
      const mayReject = wanted.rejectPolicy !== undefined;
      const partitionCount = consumeSources.log.topic()?.partitionCount ?? 0;
      const otherBytes =
        tokenBytes(wanted.start, partitionCount) + creditBytes(wanted.maxUnacknowledgedEvents, mayReject);
      const answers = laterRequests(iterator, mayReject);
      yield* serveStream(
        { subscription, message: open, otherBytes },
        context,
        options,
        (watch, lifetime) =>
          consumeLog(
            { ...wanted, filter: watch.request.matches },
            answers,
            watch,
            lifetime,
            consumeSources,
            context.signal,
          ),
        encodeConsumeResponse,
      );
    } finally {
      consumers -= 1;
    }
  };
}

async function firstOf(
  requests: AsyncIterator<ConsumeOrdersRequest>,
): Promise<ConsumeOrdersRequest | undefined> {
  // A client that goes away, or takes too long, ends its requests.
  const { done, value } = await requests.next();
  return done ? undefined : value;
}

async function* laterRequests(
  requests: AsyncIterator<ConsumeOrdersRequest>,
  mayReject: boolean,
): ClientAnswers {
  for (;;) {
    const { done, value } = await requests.next();
    if (done) return;
    yield laterRequest(value, mayReject);
  }
}
