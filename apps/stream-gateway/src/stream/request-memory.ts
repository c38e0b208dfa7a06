import { OrderFilter } from '@order-events/order-stream';
import { StreamError } from './stream-error.ts';
import { createEventFilter, type EventFilter } from '../log/event-filter.ts';
import type { StartPosition } from '../position/start-position.ts';

/** What is kept of a request for as long as its stream is open. */
export interface KeptRequest {
  readonly matches: EventFilter;
  /** As it was sent by the first of the streams that ask for the same. */
  readonly filter: OrderFilter | undefined;
  /** Its stream is over. */
  release(): void;
}

/** The memory that requests of open streams take: equal filters are kept once. */
export interface RequestMemory {
  /** `otherBytes` are those beside the filter. Throws a StreamError when there is no room. */
  keep(filter: OrderFilter | undefined, otherBytes: number): KeptRequest;
  /** About. */
  sizeBytes(): number;
}

interface SharedFilter {
  readonly matches: EventFilter;
  readonly filter: OrderFilter | undefined;
  readonly bytes: number;
  streams: number;
}

const NOTHING = OrderFilter.fromPartial({});
/** Of a filter and of each of its values, in lists and sets, beside the characters, and in the index; as measured. */
const FILTER_BYTES = 1_800;
const VALUE_BYTES = 110;

export function createRequestMemory(maxBytes: number): RequestMemory {
  const filters = new Map<string, SharedFilter>();
  let sizeBytes = 0;

  return {
    keep(sent, otherBytes) {
      const matches = createEventFilter(sent ?? NOTHING);
      const { key } = matches;
      const known = filters.get(key);
      const shared = known ?? { matches, filter: sent, bytes: filterBytes(sent ?? NOTHING), streams: 0 };
      const addedBytes = otherBytes + (known ? 0 : shared.bytes);
      if (addedBytes > 0 && sizeBytes + addedBytes > maxBytes) throw noRoom(maxBytes);
      sizeBytes += addedBytes;
      shared.streams += 1;
      filters.set(key, shared);
      return {
        matches: shared.matches,
        filter: shared.filter,
        release() {
          sizeBytes -= otherBytes;
          shared.streams -= 1;
          if (shared.streams > 0) return;
          sizeBytes -= shared.bytes;
          filters.delete(key);
        },
      };
    },
    sizeBytes: () => sizeBytes,
  };
}

function noRoom(maxBytes: number): StreamError {
  const text = `what streams have asked for takes ${maxBytes} bytes of this server, its limit: name fewer orders and customers, send the filter of another stream, ask for less credit, or try another server, or later`;
  return new StreamError('REQUEST_MEMORY_EXHAUSTED', text);
}

/** Streams that want everything take nothing, so that they are never refused. */
function filterBytes({ statuses, orderIds, customerIds, eventTypes }: OrderFilter): number {
  const values: string[] = [...statuses, ...orderIds, ...customerIds, ...eventTypes];
  if (values.length === 0) return 0;
  return values.reduce((sum, value) => sum + VALUE_BYTES + characterBytes(value), FILTER_BYTES);
}

/** One character beyond Latin-1 makes all of a text take two bytes each. */
function characterBytes(text: string): number {
  return /^[\0-\xff]*$/.test(text) ? text.length : 2 * text.length;
}

/** The most characters that a token has beside its partitions, and for each of them. */
const TOKEN_FRAME_CHARACTERS = 64;
const PARTITION_CHARACTERS = 12;
/** A character may stand for three quarters of a partition, and each of these becomes a number of its own. */
const TOKEN_CHARACTER_BYTES = 25;

/**
 * What a start takes beside the place in the log that every stream has: nothing, unless its token names more partitions than the topic
 * has. Such a token is kept until Kafka has said what becomes of it, which may be away for hours.
 */
export function tokenBytes(start: StartPosition, partitionCount: number): number {
  if (start.kind !== 'token') return 0;
  const { length } = start.token;
  return length <= TOKEN_FRAME_CHARACTERS + PARTITION_CHARACTERS * partitionCount
    ? 0
    : length * TOKEN_CHARACTER_BYTES;
}
