import type { EventFilter, FilteredEvent } from '../log/event-filter.ts';

/** The streams of one filter. */
export interface FilterEntry<Stream> {
  readonly filter: EventFilter;
  /** Those that wait for an event of it. The owner puts them in, and takes them out. */
  readonly waiting: Set<Stream>;
}

/** Finds the filters that an event passes without looking at all of them: most name orders or customers. */
export interface StreamIndex<Stream> {
  /** A stream with this filter is there, until its entry is given to `leave`, once for each call. */
  enter(filter: EventFilter): FilterEntry<Stream>;
  leave(entry: FilterEntry<Stream>): void;
  /** Those entries that somebody waits in. */
  concerned(event: FilteredEvent): FilterEntry<Stream>[];
  /** Names and filters without names that it knows; 0 when no stream is left. */
  size(): number;
}

interface Counted<Stream> {
  readonly entry: FilterEntry<Stream>;
  streams: number;
}

export function createStreamIndex<Stream>(): StreamIndex<Stream> {
  const entries = new Map<string, Counted<Stream>>();
  const byOrder = createIdIndex<FilterEntry<Stream>>();
  const byCustomer = createIdIndex<FilterEntry<Stream>>();
  /** Of filters that name neither: there are few different ones. */
  const broad = new Set<FilterEntry<Stream>>();

  /** Of a filter that names both, the orders are enough: there are fewer events of them. */
  function place(entry: FilterEntry<Stream>, what: 'add' | 'remove'): void {
    const { orderIds, customerIds } = entry.filter;
    if (orderIds.size > 0) byOrder[what](orderIds, entry);
    else if (customerIds.size > 0) byCustomer[what](customerIds, entry);
    else if (what === 'add') broad.add(entry);
    else broad.delete(entry);
  }

  return {
    enter(filter) {
      let counted = entries.get(filter.key);
      if (!counted) {
        counted = { entry: { filter, waiting: new Set() }, streams: 0 };
        entries.set(filter.key, counted);
        place(counted.entry, 'add');
      }
      counted.streams += 1;
      return counted.entry;
    },

    leave({ filter: { key } }) {
      const counted = entries.get(key);
      if (!counted) throw new RangeError('no stream of this filter is left: each leaves once');
      counted.streams -= 1;
      if (counted.streams > 0) return;
      entries.delete(key);
      place(counted.entry, 'remove');
    },

    concerned(event) {
      const found: FilterEntry<Stream>[] = [];
      const look = (entry: FilterEntry<Stream>) => {
        if (entry.waiting.size > 0 && entry.filter(event)) found.push(entry);
      };
      byOrder.of(event.orderId).forEach(look);
      byCustomer.of(event.customerId).forEach(look);
      broad.forEach(look);
      return found;
    },

    size: () => byOrder.size() + byCustomer.size() + broad.size,
  };
}

interface IdIndex<Entry> {
  add(ids: Iterable<string>, entry: Entry): void;
  remove(ids: Iterable<string>, entry: Entry): void;
  of(id: string): ReadonlySet<Entry>;
  size(): number;
}

function createIdIndex<Entry extends object>(): IdIndex<Entry> {
  /** There may be millions of ids, and most are named by one filter: a set for each would take more than the rest. */
  const named = new Map<string, Entry | Set<Entry>>();
  const nobody: ReadonlySet<Entry> = new Set();

  return {
    add(ids, entry) {
      for (const id of ids) {
        const known = named.get(id);
        if (known instanceof Set) known.add(entry);
        else named.set(id, known ? new Set([known, entry]) : entry);
      }
    },
    remove(ids, entry) {
      for (const id of ids) {
        const known = named.get(id);
        if (known instanceof Set && known.size > 1) known.delete(entry);
        else named.delete(id);
      }
    },
    of(id) {
      const known = named.get(id);
      if (known === undefined) return nobody;
      return known instanceof Set ? known : new Set([known]);
    },
    size: () => named.size,
  };
}
