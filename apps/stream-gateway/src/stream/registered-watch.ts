import { randomUUID } from 'node:crypto';
import type { OrderFilter } from '@order-events/order-stream';
import type { HeldRecord } from '../held/held-order.ts';
import type { LogEvent } from '../log/log-event.ts';
import type { StreamCaller } from './stream-caller.ts';
import type { StreamError } from './stream-error.ts';
import type { KeptRequest } from './request-memory.ts';
import type { StreamWire } from './stream-wire.ts';

/** `waiting`: has no place in the log yet; `catching up`: is reading older events; `live`: has reached the end of the log. */
export type WatchState = 'waiting' | 'catching up' | 'live';

/** The held orders of a stream, for operators. */
export interface HeldView {
  records(): readonly HeldRecord<LogEvent>[];
  /** How many partitions wait since too much is held. */
  fullPartitions(): number;
  /** How many records of what may be held cannot be read. */
  unreadableRecords(): number;
  /** An operator has asked something: it need not wait until it looks for that by itself. */
  look(): void;
}

/** What is known of a stream when it opens. */
export interface NewWatch {
  /** Address and port of the client. */
  readonly peer: string;
  /** Undefined where access control is off. */
  readonly caller: StreamCaller | undefined;
  /** Of a stream that shares work; empty for a view. */
  readonly subscription: string;
  /** As the client sent it. */
  readonly filter: OrderFilter | undefined;
  /** What is kept of its request beside the filter. */
  readonly otherBytes: number;
  readonly wire: StreamWire;
}

/** One stream of either kind, while it is open. */
export interface RegisteredWatch extends Omit<NewWatch, 'filter' | 'otherBytes'> {
  readonly request: KeptRequest;
  readonly id: string;
  /** Greater than that of every stream that was opened before. */
  readonly sequence: number;
  readonly startedAt: Date;
  state: WatchState;
  /** Records between its place and the end of the log, before filtering. The loop of the stream says how to find out. */
  backlog: () => bigint;
  /** What was sent and waits for an acknowledgement, and since when, on the monotonic clock. */
  unacknowledged: () => { readonly events: number; readonly oldestSentMs: number | undefined };
  /** What it holds of its subscription; undefined for a view. */
  held: HeldView | undefined;
  /** Why it was ended from outside of its loop. */
  endedBy: StreamError | undefined;
  /** A message goes out, with so many events, and with the token that stands after it if it is one to resume with. */
  sending(events: number, resumeToken?: string): void;
  /** Events of all messages so far. */
  deliveredEvents(): number;
  /** The token after the newest message that the connection has taken over; undefined before, and for streams without tokens. */
  handedOverToken(): string | undefined;
  /** Since when the client has taken nothing, on the monotonic clock; undefined for one that is merely not done taking. */
  blockedSinceMs(): number | undefined;
}

const BLOCKED_AFTER_MS = 1_000;

let lastSequence = 0;

export function createRegisteredWatch(
  { peer, caller, subscription, wire }: NewWatch,
  request: KeptRequest,
): RegisteredWatch {
  /** Of the newest message that was handed over and of those that wait: at most as many as the server lets wait, and one. */
  const tokens: (string | undefined)[] = [];
  let messages = 0;
  let deliveredEvents = 0;

  function dropOlderTokens(): void {
    const waiting = messages - wire.handedOver();
    if (tokens.length > waiting + 1) tokens.splice(0, tokens.length - waiting - 1);
  }

  return {
    ...{ peer, caller, subscription, wire, request },
    id: randomUUID(),
    sequence: (lastSequence += 1),
    startedAt: new Date(),
    state: 'waiting',
    backlog: () => 0n,
    unacknowledged: () => ({ events: 0, oldestSentMs: undefined }),
    held: undefined,
    endedBy: undefined,
    sending(events, resumeToken) {
      dropOlderTokens();
      tokens.push(resumeToken);
      messages += 1;
      deliveredEvents += events;
    },
    deliveredEvents: () => deliveredEvents,
    handedOverToken() {
      dropOlderTokens();
      return wire.handedOver() > 0 ? tokens[0] : undefined;
    },
    blockedSinceMs() {
      const sinceMs = wire.writingSinceMs();
      if (sinceMs === undefined || performance.now() - sinceMs < BLOCKED_AFTER_MS) return undefined;
      return sinceMs;
    },
  };
}
