import {
  type LogEnds,
  type LogOffsets,
  type LogReader,
  type PartitionPositions,
  type TopicLayout,
  TopicRecreatedError,
  truncatedLayout,
} from '@order-events/messaging';
import { fitLayout, LayoutUnreadError, type ReadLayout, withRecorded } from './layout-check.ts';
import type { OrderLog } from './order-log.ts';

/** So many of the newest records of each partition are read at the start: clients that reconnect find them in memory. */
const WARM_UP_RECORDS = 1_000n;

export interface TailPlace {
  /** Of all partitions that it is known of. */
  readonly positions: PartitionPositions;
  /** Undefined: no partitions were added that have to wait. */
  readonly waitsFor: LayoutUnreadError | undefined;
}

/** Where to read from: on from the ring for the topic that is known, near the end of any other. */
export async function locateTail(
  reader: LogReader,
  { orderLog, readLayout }: { readonly orderLog: OrderLog; readonly readLayout: ReadLayout },
  signal: AbortSignal,
): Promise<TailPlace> {
  const ends = await reader.ends(signal);
  const { topicId, earliest, latest } = ends;
  const known = orderLog.topic();
  let waitsFor: LayoutUnreadError | undefined;
  if (known?.id !== topicId) {
    orderLog.setLayout(await layoutOf(topicId, reader, readLayout, signal));
    orderLog.open(
      topicId,
      byPartition(latest.map((_, each) => warmUpStart(ends, each))),
      byPartition(latest),
      latest.length,
    );
  } else if (earliest.length > known.partitionCount) {
    // After the partitions were seen: whoever added them had recorded it before.
    const recorded = await layoutOf(topicId, reader, readLayout, signal).catch(whereUnread);
    if (recorded instanceof LayoutUnreadError) waitsFor = recorded;
    else {
      orderLog.setLayout(withRecorded(orderLog.layout(), recorded));
      const added = [...byPartition(earliest)].filter(([partition]) => partition >= known.partitionCount);
      orderLog.addPartitions(new Map(added), earliest.length);
    }
  }
  for (const partition of unbegun(orderLog)) {
    const [from, end] = [warmUpStart(ends, partition), latest[partition]];
    if (from === undefined || end === undefined) continue;
    // Nothing waits for what the log has lost.
    orderLog.setLayout(truncatedLayout(orderLog.layout(), partition, end));
    orderLog.restart(partition, from, end);
  }
  const heads = latest.map((_, each) => (orderLog.end(each) === undefined ? undefined : orderLog.head(each)));
  return { positions: byPartition(heads), waitsFor };
}

function whereUnread(error: unknown): LayoutUnreadError {
  if (error instanceof LayoutUnreadError) return error;
  throw error;
}

/** Partitions of which Kafka has not said yet where they begin and end. */
export function unbegun(orderLog: Pick<OrderLog, 'topic' | 'end'>): number[] {
  const partitions = Array.from(
    { length: orderLog.topic()?.partitionCount ?? 0 },
    (_, partition) => partition,
  );
  return partitions.filter((partition) => orderLog.end(partition) === undefined);
}

/** Read after the partitions were seen, and before the ends: the log had all that the layout speaks of, or has lost it. */
export async function layoutOf(
  topicId: string,
  reader: LogReader,
  readLayout: ReadLayout,
  signal: AbortSignal,
): Promise<TopicLayout> {
  const layout = await readLayout(topicId, signal);
  if (layout.length === 0) return layout;
  const ends = await reader.ends(signal);
  if (ends.topicId !== topicId) throw new TopicRecreatedError('the topic was created again');
  return fitLayout(layout, ends);
}

/**
 * Whether partitions that were added may be read by now. Until then they wait alone: what is not where its key belonged before they
 * came waits as well, and the rest has nothing to wait for.
 */
export async function maySeeAdded(
  { orderLog, readLayout }: { readonly orderLog: OrderLog; readonly readLayout: ReadLayout },
  { topicId, partitionCount }: { readonly topicId: string; readonly partitionCount: number },
  onUnread: (error: LayoutUnreadError) => void,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await readLayout(topicId, signal);
    return true;
  } catch (error: unknown) {
    if (signal.aborted) return false;
    const first = orderLog.topic()?.partitionCount ?? partitionCount;
    for (let partition = first; partition < partitionCount; partition += 1) {
      if (orderLog.isReadable(partition)) orderLog.setReadable(partition, false);
    }
    onUnread(whereUnread(error));
    return false;
  }
}

/** Those that are known. */
function byPartition(offsets: LogOffsets): PartitionPositions {
  const all = [...offsets.entries()];
  return new Map(all.flatMap(([partition, offset]) => (offset === undefined ? [] : [[partition, offset]])));
}

function warmUpStart({ earliest, latest }: LogEnds, partition: number): bigint | undefined {
  const [first, end] = [earliest[partition], latest[partition]];
  if (first === undefined || end === undefined) return undefined;
  const start = end - WARM_UP_RECORDS;
  return start > first ? start : first;
}

/** Whether Kafka knows by now where one of them begins and ends. */
export async function hasBegun(
  reader: LogReader,
  waiting: readonly number[],
  signal: AbortSignal,
): Promise<boolean> {
  // While the broker is away, `follow` says so.
  const ends = await reader.ends(signal).catch(() => undefined);
  return waiting.some((partition) => ends?.latest[partition] !== undefined);
}
