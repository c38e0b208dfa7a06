import type { Cursor, PendingEvent } from '@order-events/outbox';

/** One partition's share of what was read, in order, and the partition's cursor once all of it is published. */
export interface PartitionPage {
  readonly events: readonly PendingEvent[];
  readonly next: Cursor;
}

/**
 * What was read ahead for one partition. Pages stay whole: only at the end of a page is there a cursor that says what is published.
 * Whoever reads keeps it bounded, by `bytes`.
 */
export interface PageQueue {
  /** Where the next read begins: behind all that is queued or on its way. */
  readFrom(): Cursor;
  isEmpty(): boolean;
  /** Bytes of payload that wait. */
  bytes(): number;
  add(page: PartitionPage): void;
  /** Takes pages from the front, as one, until they have at least `events` events. */
  take(events: number): PartitionPage | undefined;
  /** Forgets everything; the next read begins at `cursor`. */
  reset(cursor: Cursor): void;
}

interface QueuedPage extends PartitionPage {
  /** Of payload. */
  readonly bytes: number;
}

export function createPageQueue(start: Cursor): PageQueue {
  let readFrom = start;
  let pages: QueuedPage[] = [];
  let bytes = 0;
  return {
    readFrom: () => readFrom,
    isEmpty: () => pages.length === 0,
    bytes: () => bytes,

    add(page) {
      readFrom = page.next;
      const last = pages.at(-1);
      // Looks that found nothing for this partition only move the cursor behind what waits already.
      if (last && page.events.length === 0) pages[pages.length - 1] = { ...last, next: page.next };
      else {
        const queued = { ...page, bytes: payloadBytes(page.events) };
        pages.push(queued);
        bytes += queued.bytes;
      }
    },

    take(count) {
      const [first] = pages;
      if (!first) return undefined;
      let taken = 1;
      let events = first.events;
      let { next } = first;
      bytes -= first.bytes;
      for (let page = pages[taken]; page && events.length < count; page = pages[taken]) {
        events = [...events, ...page.events];
        next = page.next;
        bytes -= page.bytes;
        taken += 1;
      }
      pages = pages.slice(taken);
      return { events, next };
    },

    reset(cursor) {
      readFrom = cursor;
      pages = [];
      bytes = 0;
    },
  };
}

function payloadBytes(events: readonly PendingEvent[]): number {
  // Characters are close enough to bytes for a bound.
  return events.reduce((sum, event) => sum + event.payload.length, 0);
}
