import type { LogReader, LogRecord, PartitionPositions, UnreadableBatchError } from '@order-events/messaging';
import type { LogEvent } from '../log/log-event.ts';
import type { HeldRecord } from './held-order.ts';
import { decodeHeldRecord, heldEventIdOf } from './held-record.ts';
import type { HeldRequest, HeldStored } from './held-request.ts';
import { decodeRequest, requestIdOf } from './held-request-record.ts';
import { InvalidHeldRecordError, type UnreadableHeld } from './held-unreadable.ts';

/** What is stored of a subscription in some partitions, as records come one after the other. */
export interface HeldLog {
  /** Takes a record in, of whichever subscription. */
  take(record: HeldLogRecord): void;
  /** A batch cannot be read. */
  pass(batch: Pick<UnreadableBatchError, 'partition' | 'offset' | 'kind' | 'nextOffset'>): void;
  stored(): HeldStored<LogEvent>;
  /** Events that are held. */
  size(): number;
}

type HeldLogRecord = Pick<LogRecord, 'key' | 'value' | 'partition' | 'offset' | 'timestampMs'>;

/** `keep` may make a record smaller, or leave it out. */
export function createHeldLog(
  subscription: string,
  keep: (record: HeldRecord<LogEvent>) => HeldRecord<LogEvent> | undefined = (record) => record,
): HeldLog {
  const records = new Map<string, HeldRecord<LogEvent>>();
  const requests = new Map<string, HeldRequest>();
  const unreadable = new Map<string, UnreadableHeld>();
  const batches: UnreadableHeld[] = [];

  function set(key: string, eventId: string | undefined, value: Buffer, timestampMs: number): void {
    if (eventId === undefined) {
      return void requests.set(key, decodeRequest(requestIdOf(subscription, key) ?? '', value));
    }
    const kept = keep(decodeHeldRecord(eventId, value, timestampMs));
    if (kept) records.set(key, kept);
  }

  return {
    take({ key: bytes, value, partition, offset, timestampMs }) {
      const key = bytes?.toString() ?? '';
      const eventId = heldEventIdOf(subscription, key);
      if (eventId === undefined && requestIdOf(subscription, key) === undefined) return;
      // A record stands for all before it of its key; set again, requests are in the order in which they came.
      for (const known of [records, requests, unreadable]) known.delete(key);
      if (value === null) return;
      try {
        set(key, eventId, value, timestampMs);
      } catch (error) {
        if (!(error instanceof InvalidHeldRecordError)) throw error;
        unreadable.set(key, { partition, offset, key, eventId, reason: error.message });
      }
    },
    pass({ partition, offset, kind, nextOffset }) {
      const reason = `a batch, up to offset ${nextOffset - 1n}: ${kind}`;
      batches.push({ partition, offset, key: undefined, eventId: undefined, reason });
    },
    size: () => records.size,
    stored: () => ({
      records: [...records.values()],
      requests: [...requests.values()],
      unreadable: [...batches, ...unreadable.values()],
    }),
  };
}

/** Reads partitions from their first record, or from where they were read up to, to their ends; answers these. */
export async function readHeldLog(
  reader: Pick<LogReader, 'offsets' | 'read'>,
  partitions: readonly number[],
  from: PartitionPositions | undefined,
  {
    take,
    pass,
  }: { readonly take: (record: LogRecord) => void; readonly pass: (batch: UnreadableBatchError) => void },
  signal: AbortSignal,
): Promise<PartitionPositions> {
  const [begin, ends] = await Promise.all([
    from ?? reader.offsets('earliest', partitions, signal),
    reader.offsets('latest', partitions, signal),
  ]);
  await reader.read(begin, ends, ({ records }) => records.forEach((record) => take(record)), signal, pass);
  return ends;
}
