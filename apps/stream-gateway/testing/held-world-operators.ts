import { requeuedState } from '../src/held/held-order.ts';
import type { HeldWrite } from '../src/held/held-partition-api.ts';
import { type HeldRequest, meantBy, notGivenUp, type OrderRequest } from '../src/held/held-request.ts';
import { type HeldFaults, type ModelEvent, storedIn, type TopicRecord } from './held-world-parts.ts';

/** Operators at any replica, whether it has a stream or not: they read, and what they ask arrives later. */
export function createHeldOperators(topic: TopicRecord[], orders: number, faults: HeldFaults) {
  const asking: { request: HeldRequest; overwrites: readonly HeldWrite<ModelEvent>[] }[] = [];
  let requests = 0;

  return {
    ask(kind: 'requeue' | 'discard', pick: number): void {
      const { records } = storedIn(topic);
      const request: OrderRequest = {
        ...{ id: `request ${requests}`, kind },
        orderId: kind === 'requeue' && pick === 9 ? undefined : `order ${pick % orders}`,
        eventId: kind === 'discard' && pick > 6 ? records[0]?.event.eventId : undefined,
        upToOffset: records.reduce((last, { event }) => (event.offset > last ? event.offset : last), -1n),
      };
      const meant = meantBy(request, records);
      if (meant.length === 0) return;
      requests += 1;
      const overwrites = meant.map(({ event, state }) => ({
        ...{ eventId: event.eventId, requestId: undefined },
        record: kind === 'requeue' ? { event, state: requeuedState(state) } : undefined,
      }));
      asking.push({ request, overwrites });
    },
    /** Somebody who must not writes over what is stored. */
    spoil(pick: number): void {
      const { records } = storedIn(topic);
      const record = records[pick % Math.max(1, records.length)];
      if (record) topic.push({ spoiltEventId: record.event.eventId });
    },
    'give up'(pick: number): void {
      const stored = storedIn(topic);
      const unreadable = notGivenUp(stored.unreadable, stored.requests);
      const found = unreadable[pick % Math.max(1, unreadable.length)];
      if (!found) return;
      const { key: recordKey, offset: recordOffset } = found;
      const id = `request ${requests}`;
      requests += 1;
      asking.push({
        request: { id, kind: 'discard unreadable', recordKey, recordOffset },
        overwrites: [{ eventId: recordKey ?? '', record: undefined, requestId: undefined }],
      });
    },
    /** False when nothing is on its way. */
    arrive(): boolean {
      const next = asking.shift();
      if (next && faults.operatorsWrite) topic.push(...next.overwrites);
      else if (next) topic.push({ request: next.request });
      return next !== undefined;
    },
  };
}
