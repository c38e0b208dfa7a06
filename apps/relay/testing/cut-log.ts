import type { PartitionBatch } from '../../../packages/messaging/src/wire/fetch.ts';

/** What lies at an offset: an event, or the marker of a claim that has fenced the ones before. */
export type CutLogRecord = { readonly eventId: string; readonly key: number } | { readonly fencedBy: number };

/** One partition as a broker has it, which loses its end, its beginning, or all of itself. */
export interface SimulatedLog {
  readonly topicId: string;
  readonly start: bigint;
  readonly end: bigint;
  /** Grows whenever something is lost, as nobody keeps a connection then. */
  readonly generation: number;
  eventAt(offset: bigint): string | undefined;
  events(): readonly { readonly eventId: string; readonly key: number; readonly offset: bigint }[];
  /** The newest claim that the log knows: those before are refused. */
  newestClaim(): number;
  append(record: CutLogRecord): bigint;
  cut(to: bigint): void;
  expire(to: bigint): void;
  recreate(): void;
  read(
    from: ReadonlyMap<number, bigint>,
    to: ReadonlyMap<number, bigint>,
    onBatch: (batch: PartitionBatch) => void | Promise<void>,
  ): Promise<void>;
}

export function createSimulatedLog(): SimulatedLog {
  let records: CutLogRecord[] = [];
  let start = 0n;
  let generation = 0;
  let topics = 0;

  const at = (offset: bigint) => (offset < start ? undefined : records[Number(offset)]);
  const idAt = (offset: bigint) => {
    const record = at(offset);
    return record && 'eventId' in record ? record.eventId : undefined;
  };

  return {
    get topicId() {
      return `topic ${topics}`;
    },
    get start() {
      return start;
    },
    get end() {
      return BigInt(records.length);
    },
    get generation() {
      return generation;
    },
    eventAt: idAt,
    events: () =>
      records.flatMap((record, index) =>
        'eventId' in record && BigInt(index) >= start ? [{ ...record, offset: BigInt(index) }] : [],
      ),
    newestClaim: () =>
      Math.max(-1, ...records.map((record) => ('fencedBy' in record ? record.fencedBy : -1))),
    append: (record) => BigInt(records.push(record) - 1),
    cut(to) {
      records = records.slice(0, Number(to < start ? start : to));
      generation += 1;
    },
    expire(to) {
      if (to > start && to <= records.length) start = to;
    },
    recreate() {
      records = [];
      start = 0n;
      topics += 1;
      generation += 1;
    },
    async read(from, to, onBatch) {
      const [[partition, first] = [0, 0n]] = from;
      const end = to.get(partition) ?? 0n;
      for (let offset = first; offset < end; offset += 1n) {
        const eventId = idAt(offset);
        const headers: Record<string, Buffer> = eventId === undefined ? {} : { ce_id: Buffer.from(eventId) };
        const record = { partition, offset, timestampMs: 0, key: null, value: null, headers };
        await onBatch({
          ...{ partition, records: [record], nextOffset: offset + 1n },
          ...{ highWatermark: end, logStartOffset: start },
        });
      }
    },
  };
}
