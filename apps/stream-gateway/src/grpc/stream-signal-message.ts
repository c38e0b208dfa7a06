import { toDuration, type WatchOrdersResponse } from '@order-events/order-stream';
import type { Complete, StreamSignal } from '../stream/stream-signal.ts';

/** Signals that the responses of both kinds of streams have, under the same names. */
type StreamSignalMessage = Extract<
  WatchOrdersResponse['signal'],
  { $case: 'started' | 'heartbeat' | 'sourceStateChanged' | 'gap' | 'draining' | 'accessExpiring' }
>;

export function completeThroughTime({ completeThroughMs }: Complete): Date | undefined {
  return completeThroughMs === undefined ? undefined : new Date(completeThroughMs);
}

export function streamSignalMessage(signal: StreamSignal): StreamSignalMessage {
  switch (signal.kind) {
    case 'started':
      return {
        $case: 'started',
        value: { watcherId: signal.watcherId, heartbeatInterval: toDuration(signal.heartbeatMs) },
      };
    case 'heartbeat':
      return {
        $case: 'heartbeat',
        value: {
          serverTime: new Date(),
          backlogEvents: signal.backlogEvents,
          completeThroughTime: completeThroughTime(signal),
        },
      };
    case 'source state changed':
      return {
        $case: 'sourceStateChanged',
        value: { available: signal.available, changeTime: signal.since },
      };
    case 'gap':
      return { $case: 'gap', value: { fromToken: signal.fromToken, missedEvents: signal.missedEvents } };
    case 'draining':
      return { $case: 'draining', value: { reconnectDelay: toDuration(signal.reconnectDelayMs) } };
    case 'access expiring':
      return { $case: 'accessExpiring', value: { remaining: toDuration(signal.remainingMs) } };
  }
}
