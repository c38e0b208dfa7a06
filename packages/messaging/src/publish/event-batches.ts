import type { PublishableEvent } from '@order-events/domain';

const MAX_RECORDS = 200;
const MAX_BYTES = 900_000;
/** Key, headers and framing of an ordinary event. An estimate will do: the broker's refusal of a large batch halves it. */
const RECORD_OVERHEAD_BYTES = 400;

/**
 * Cuts events, in order, into batches of at most 200 records and about 900 kB (Kafka takes 1 MiB by default); a larger event is a
 * batch of its own. Beyond 200 records only the latency grows.
 */
export function* eventBatches(events: readonly PublishableEvent[]): Generator<PublishableEvent[]> {
  let batch: PublishableEvent[] = [];
  let batchBytes = 0;
  for (const event of events) {
    const bytes = Buffer.byteLength(event.value) + RECORD_OVERHEAD_BYTES;
    if (batch.length === MAX_RECORDS || (batch.length > 0 && batchBytes + bytes > MAX_BYTES)) {
      yield batch;
      batch = [];
      batchBytes = 0;
    }
    batch.push(event);
    batchBytes += bytes;
  }
  if (batch.length > 0) yield batch;
}
