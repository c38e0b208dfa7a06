import type { ConsumeOrdersRequest } from '@order-events/order-stream';
import type { ClientAnswer } from '../consume/client-answers.ts';
import type { ConsumeRequest } from '../consume/consumer.ts';
import { parseAcknowledgeTimeout, parseReject, parseRejectPolicy } from './reject-fields.ts';
import { isSubscriptionName, SUBSCRIPTION_NAME_RULE } from '../subscription/subscription-name.ts';
import { InvalidRequestError } from './invalid-request-error.ts';
import {
  checkFilter,
  parseBatchSize,
  parseHeartbeat,
  parseStart,
  readFields,
  type Refuse,
} from './request-fields.ts';

export type OpenRequest = Extract<ConsumeOrdersRequest['request'], { $case: 'open' }>['value'];

const DEFAULT_MAX_UNACKNOWLEDGED = 1_000;
const MAX_UNACKNOWLEDGED = 100_000;

/** What a consumer asks for beside its filter, all of it checked. Throws an InvalidRequestError that names every wrong field. */
export function parseOpenRequest(open: OpenRequest, nowMs: number): Omit<ConsumeRequest, 'filter'> {
  return readFields('open.', (refuse) => {
    if (!isSubscriptionName(open.subscription)) refuse('subscription', SUBSCRIPTION_NAME_RULE);
    checkFilter(open.filter, refuse);
    const start = parseStart(open.start, nowMs, refuse) ?? { kind: 'earliest' };
    return {
      subscription: open.subscription,
      start: start.kind === 'token' ? { ...start, field: 'open.start.resume_token' } : start,
      maxUnacknowledgedEvents: parseCredit(open.maxUnacknowledgedEvents, refuse),
      heartbeatMs: parseHeartbeat(open.heartbeatInterval, refuse),
      maxBatchSize: parseBatchSize(open.maxBatchSize, refuse),
      ...parseRejectPolicy(open.rejectPolicy, refuse),
      ...parseAcknowledgeTimeout(open.acknowledgeTimeout, refuse),
    };
  });
}

function parseCredit(events: number, refuse: Refuse): number {
  if (events > MAX_UNACKNOWLEDGED) {
    refuse(
      'max_unacknowledged_events',
      `must be 1 to ${MAX_UNACKNOWLEDGED}, or 0 for ${DEFAULT_MAX_UNACKNOWLEDGED}`,
    );
  }
  return events === 0 ? DEFAULT_MAX_UNACKNOWLEDGED : events;
}

/** The open request, which must be the first one. Throws an InvalidRequestError. */
export function firstRequest(message: ConsumeOrdersRequest | undefined): OpenRequest {
  if (message?.request?.$case === 'open') return message.request.value;
  throw new InvalidRequestError([{ field: 'request', description: 'the first message must be open' }]);
}

/**
 * What comes after the open request. Throws an InvalidRequestError for anything but an acknowledgement or a rejection, and for a
 * rejection on a stream that was not opened for it.
 */
export function laterRequest({ request }: ConsumeOrdersRequest, mayReject: boolean): ClientAnswer {
  if (request?.$case === 'acknowledge') return request.value;
  if (request?.$case === 'reject')
    return readFields('reject.', (refuse) => parseReject(request.value, mayReject, refuse));
  const description =
    'messages after the first one must be acknowledge or reject: a stream opens one subscription';
  throw new InvalidRequestError([{ field: 'request', description }]);
}
