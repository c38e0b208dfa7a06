import type { LogOffsets } from '../read/log-ends.ts';
import type { CompleteMark } from './complete-mark.ts';
import type { CompleteProgress } from './complete-progress.ts';

/** The marks of all partitions, as whoever reads the log needs them. */
export interface CompleteBoard {
  /** Marks may come in any order, and more than once: each is true for ever. */
  take(mark: CompleteMark): void;
  /**
   * Up to which time a reader has everything that was committed, when it has everything before `next`, in each partition of the topic:
   * undefined while that is not known. What was written for another number of partitions says nothing about these.
   */
  throughAt(topicId: string, next: LogOffsets): number | undefined;
  /** Changes with what `throughAt` says. */
  revision(): number;
}

/** Of a partition; one each second. Whoever is further behind is not complete as far as is known. */
const MAX_MARKS = 1_000;
/** Topics, or numbers of partitions of one: the present one, and one that a resize makes of it or that is left behind. */
const MAX_LAYOUTS = 2;

export function createCompleteBoard(): CompleteBoard {
  const layouts = new Map<string, Map<number, CompleteProgress[]>>();
  let revision = 0;

  function marksOf({ topicId, partitionCount, partition }: CompleteMark): CompleteProgress[] {
    const name = layoutName(topicId, partitionCount);
    let partitions = layouts.get(name);
    if (!partitions) {
      const oldest = layouts.keys().next().value;
      if (oldest !== undefined && layouts.size >= MAX_LAYOUTS) layouts.delete(oldest);
      layouts.set(name, (partitions = new Map()));
    }
    let marks = partitions.get(partition);
    if (!marks) partitions.set(partition, (marks = []));
    return marks;
  }

  return {
    take(mark) {
      const marks = marksOf(mark);
      const { throughMs, offset } = mark;
      if ((marks.at(-1)?.throughMs ?? Number.NEGATIVE_INFINITY) >= throughMs) return;
      // A later time at the same place says all that an earlier one did.
      for (let last = marks.at(-1); last && last.offset >= offset; last = marks.at(-1)) marks.pop();
      marks.push({ throughMs, offset });
      if (marks.length > MAX_MARKS) marks.shift();
      revision += 1;
    },

    throughAt(topicId, next) {
      const partitions = layouts.get(layoutName(topicId, next.length));
      if (!partitions) return undefined;
      let least = Number.POSITIVE_INFINITY;
      for (const [partition, reached] of next.entries()) {
        const marks = reached === undefined ? undefined : partitions.get(partition);
        const mark = marks?.findLast(({ offset }) => reached !== undefined && offset <= reached);
        if (!mark) return undefined;
        least = Math.min(least, mark.throughMs);
      }
      return Number.isFinite(least) ? least : undefined;
    },

    revision: () => revision,
  };
}

function layoutName(topicId: string, partitionCount: number): string {
  return `${topicId}/${partitionCount}`;
}
