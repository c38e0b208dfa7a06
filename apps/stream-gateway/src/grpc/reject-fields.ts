import {
  type ConsumeOrdersRequest_Open,
  type ConsumeOrdersRequest_Reject,
  toMilliseconds,
} from '@order-events/order-stream';
import type { ClientAnswer } from '../consume/client-answers.ts';
import type { ConsumeRequest } from '../consume/consumer.ts';
import { MAX_RETRY_DELAY_MS } from '../held/held-order.ts';
import type { Refuse } from './request-fields.ts';

type Duration = ConsumeOrdersRequest_Open['acknowledgeTimeout'];

const MAX_ATTEMPTS = 1_000;
const DEFAULT_ATTEMPTS = 5;
const MAX_GROWTH = 10;
const DEFAULT_GROWTH = 2;
const SECOND_MS = 1_000;
const DAY_MS = 24 * 60 * 60 * SECOND_MS;
const DEFAULT_MAX_DELAY_MS = 5 * 60 * SECOND_MS;
const MAX_REASON = 1_000;

function parseDelay(
  field: string,
  delay: Duration,
  { most, fallback }: { readonly most: number; readonly fallback: number },
  refuse: Refuse,
): number {
  if (!delay) return fallback;
  const ms = toMilliseconds(delay);
  if (!(ms >= 0 && ms <= most)) refuse(field, `must be 0s to ${most / SECOND_MS}s`);
  return ms;
}

/** Undefined of a stream that may not reject. */
export function parseRejectPolicy(
  policy: ConsumeOrdersRequest_Open['rejectPolicy'],
  refuse: Refuse,
): Pick<ConsumeRequest, 'rejectPolicy'> {
  if (!policy) return {};
  const { maxAttempts, growth } = policy;
  if (maxAttempts > MAX_ATTEMPTS) {
    refuse('reject_policy.max_attempts', `must be 1 to ${MAX_ATTEMPTS}, or 0 for ${DEFAULT_ATTEMPTS}`);
  }
  if (growth !== 0 && !(growth >= 1 && growth <= MAX_GROWTH)) {
    refuse('reject_policy.growth', `must be 1 to ${MAX_GROWTH}, or 0 for ${DEFAULT_GROWTH}`);
  }
  const first = { most: DAY_MS, fallback: SECOND_MS };
  const longest = { most: MAX_RETRY_DELAY_MS, fallback: DEFAULT_MAX_DELAY_MS };
  return {
    rejectPolicy: {
      maxAttempts: maxAttempts || DEFAULT_ATTEMPTS,
      firstDelayMs: parseDelay('reject_policy.first_delay', policy.firstDelay, first, refuse),
      growth: growth || DEFAULT_GROWTH,
      maxDelayMs: parseDelay('reject_policy.max_delay', policy.maxDelay, longest, refuse),
    },
  };
}

export function parseAcknowledgeTimeout(
  timeout: Duration,
  refuse: Refuse,
): Pick<ConsumeRequest, 'acknowledgeTimeoutMs'> {
  if (!timeout) return {};
  const acknowledgeTimeoutMs = toMilliseconds(timeout);
  if (!(acknowledgeTimeoutMs >= SECOND_MS && acknowledgeTimeoutMs <= DAY_MS)) {
    refuse('acknowledge_timeout', 'must be 1s to 86400s');
  }
  return { acknowledgeTimeoutMs };
}

export function parseReject(
  { eventId, reason, decision }: ConsumeOrdersRequest_Reject,
  mayReject: boolean,
  refuse: Refuse,
): ClientAnswer {
  if (!mayReject) refuse('event_id', 'open.reject_policy must be set on a stream that rejects events');
  if (eventId === '') refuse('event_id', 'must be that of an event');
  if (reason.length > MAX_REASON) refuse('reason', `must have at most ${MAX_REASON} characters`);
  if (decision?.$case === 'setAside') {
    if (!decision.value) refuse('set_aside', 'must be true; leave it out otherwise');
    return { eventId, rejection: { reason, setAside: true } };
  }
  if (decision?.$case !== 'retryDelay') return { eventId, rejection: { reason } };
  const delayMs = parseDelay(
    'retry_delay',
    decision.value,
    { most: MAX_RETRY_DELAY_MS, fallback: 0 },
    refuse,
  );
  return { eventId, rejection: { reason, delayMs } };
}
