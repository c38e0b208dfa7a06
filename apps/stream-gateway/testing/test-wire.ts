import type { StreamError } from '../src/stream/stream-error.ts';
import type { NewWatch } from '../src/stream/registered-watch.ts';
import type { StreamWire } from '../src/stream/stream-wire.ts';

export interface TestWire extends StreamWire {
  /** The client takes so many messages. */
  take(messages: number): void;
  /** The client has taken nothing since; undefined when it takes all. */
  block(sinceMs: number | undefined): void;
  /** What the stream was ended with from outside. */
  ends(): readonly StreamError[];
}

export function createTestWire(): TestWire {
  let handedOver = 0;
  let writingSinceMs: number | undefined;
  const ends: StreamError[] = [];
  return {
    handedOver: () => handedOver,
    writingSinceMs: () => writingSinceMs,
    end: (error) => void ends.push(error),
    take: (messages) => void (handedOver += messages),
    block: (sinceMs) => void (writingSinceMs = sinceMs),
    ends: () => ends,
  };
}

/** A view without a filter, of a client that takes all. */
export function newWatch(watch: Partial<NewWatch> = {}): NewWatch {
  return {
    peer: '127.0.0.1:1',
    caller: undefined,
    subscription: '',
    filter: undefined,
    otherBytes: 0,
    wire: createTestWire(),
    ...watch,
  };
}
