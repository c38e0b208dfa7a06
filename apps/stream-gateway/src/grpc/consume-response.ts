import { ConsumeOrdersResponse } from '@order-events/order-stream';
import type { ConsumeMessage, ConsumeSignal } from '../consume/consume-message.ts';
import { duration } from './duration.ts';

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
  switch (signal.kind) {
    case 'started':
      return {
        $case: 'started',
        value: { watcherId: signal.watcherId, heartbeatInterval: duration(signal.heartbeatMs) },
      };
    case 'heartbeat':
      return {
        $case: 'heartbeat',
        value: { serverTime: new Date(), backlogEvents: signal.backlogEvents },
      };
    case 'assignment changed':
      return { $case: 'assignmentChanged', value: { partitions: [...signal.partitions] } };
    case 'acknowledged':
      return { $case: 'acknowledged', value: { ackToken: signal.ackToken } };
    case 'source state changed':
      return {
        $case: 'sourceStateChanged',
        value: { available: signal.available, changeTime: signal.since },
      };
    case 'gap':
      return { $case: 'gap', value: { fromToken: signal.fromToken, missedEvents: signal.missedEvents } };
    case 'draining':
      return { $case: 'draining', value: { reconnectDelay: duration(signal.reconnectDelayMs) } };
  }
}
