import { firstIndexWhere } from './sorted-search.ts';

/** What a stream wants next of a partition. */
export interface HistoryPlace {
  readonly partition: number;
  readonly offset: bigint;
}

/** What streams that wait together read next. */
export interface HistoryTurn {
  readonly partition: number;
  /** Which of its places a stream reads: the one of the partition whose turn it is, or of the first one after that. */
  choose(places: readonly HistoryPlace[]): HistoryPlace | undefined;
  /** Whether somebody wants what lies a little before a place: read first, it leads there, and what follows is read once for all. */
  isAhead(place: HistoryPlace): boolean;
}

/** Records of a partition: who is farther behind is not waited for. */
const NEAR_RECORDS = 8_192n;

/** The turn after that of a partition, for streams that want all these places. */
export function turnAfter(partition: number, wanted: readonly HistoryPlace[]): HistoryTurn {
  const next = firstFrom(partition + 1, wanted)?.partition ?? 0;
  const offsets = new Map(
    [...Map.groupBy(wanted, (place) => place.partition)].map(([each, places]) => [
      each,
      [...new Set(places.map(({ offset }) => offset))].sort((one, other) => (one < other ? -1 : 1)),
    ]),
  );
  return {
    partition: next,
    choose: (places) => firstFrom(next, places),
    isAhead(place) {
      const ofPartition = offsets.get(place.partition) ?? [];
      const before = ofPartition[firstIndexWhere(ofPartition, (offset) => offset >= place.offset) - 1];
      return before !== undefined && place.offset - before <= NEAR_RECORDS;
    },
  };
}

/** After the last partition comes the first one. */
function firstFrom(partition: number, places: readonly HistoryPlace[]): HistoryPlace | undefined {
  let first: HistoryPlace | undefined;
  for (const place of places) {
    const isLater = place.partition >= partition;
    const isFirstLater = first !== undefined && first.partition >= partition;
    const isBefore = first === undefined || place.partition < first.partition;
    if (isLater === isFirstLater ? isBefore : isLater || first === undefined) first = place;
  }
  return first;
}
