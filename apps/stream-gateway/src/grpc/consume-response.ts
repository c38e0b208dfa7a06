import { ConsumeOrdersResponse, type Rejected, RejectOutcome } from '@order-events/order-stream';
import type { ConsumeMessage, ConsumeSignal } from '../consume/consume-message.ts';
import type { RejectAnswer } from '../held/held-partition-api.ts';
import { streamSignalMessage } from './stream-signal-message.ts';

/** Joins the encoded events, see encodeWatchResponse: they have the same field number in both responses. */
export function encodeConsumeResponse({ events, ackToken, signal }: ConsumeMessage): Uint8Array {
  const rest = ConsumeOrdersResponse.encode({
    events: [],
    ackToken,
    signal: signal && signalMessage(signal),
  }).finish();
  if (events.length === 0) return rest;
  return Buffer.concat([...events.map(({ encoded }) => encoded), rest]);
}

function signalMessage(signal: ConsumeSignal): ConsumeOrdersResponse['signal'] {
  if (signal.kind === 'assignment changed')
    return { $case: 'assignmentChanged', value: { partitions: [...signal.partitions] } };
  if (signal.kind === 'rejected') return { $case: 'rejected', value: rejectedMessage(signal.answer) };
  if (signal.kind === 'acknowledged') return { $case: 'acknowledged', value: { ackToken: signal.ackToken } };
  return streamSignalMessage(signal);
}

const OUTCOMES: Readonly<Record<RejectAnswer['outcome'], RejectOutcome>> = {
  retry: RejectOutcome.RETRY,
  'set aside': RejectOutcome.SET_ASIDE,
  behind: RejectOutcome.BEHIND,
  'not outstanding': RejectOutcome.NOT_OUTSTANDING,
};

function rejectedMessage({ eventId, outcome, atMs }: RejectAnswer): Rejected {
  return { eventId, outcome: OUTCOMES[outcome], retryTime: atMs === undefined ? undefined : new Date(atMs) };
}
