import type { SubscriptionPlace } from '../subscription/open-place.ts';
import { locateInLog, locateInRing, type StartPosition, startPoint } from '../position/start-position.ts';
import type { WatchSources } from '../watch/watcher.ts';

/** The position of a new subscription. "Latest" is the end of the log when the stream is opened, not when it has joined. */
export function createStart(
  start: StartPosition,
  { log, reader }: Pick<WatchSources, 'log' | 'reader'>,
): () => Promise<SubscriptionPlace> {
  const point = startPoint(start, log, Date.now());
  return async () => {
    const inRing = locateInRing(point, log);
    if (inRing) return { next: inRing, logTimeMs: 0 };
    const { cursor, logTimeMs } = await locateInLog(point, reader, { allowGap: false });
    return { next: cursor, logTimeMs };
  };
}

/** Asks Kafka only about partitions that it seems to know of by now. */
export function createTimesLocator({ log, reader }: Pick<WatchSources, 'log' | 'reader'>) {
  return async (timesMs: ReadonlyMap<number, number>): Promise<ReadonlyMap<number, bigint>> => {
    const found = new Map<number, bigint>();
    const readable = [...timesMs].filter(([partition]) => log.isReadable(partition));
    for (const [partition, logTimeMs] of readable) {
      const { cursor } = await locateInLog({ kind: 'log time', logTimeMs }, reader, { allowGap: false });
      const offset = cursor[partition];
      if (offset !== undefined) found.set(partition, offset);
    }
    return found;
  };
}
