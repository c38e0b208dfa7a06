/** Somebody has seen it by then; the log and the metric keep it. */
const TOLD_MS = 24 * 60 * 60 * 1000;

/** What has happened to partitions and is over, the last of each: it is shown for a day, since nobody can mend it and nothing takes it back. */
export interface PastFindings<T> {
  of(partition: number): T | undefined;
  set(partition: number, happened: T): void;
}

export function createPastFindings<T>(show: (happened: readonly T[]) => void): PastFindings<T> {
  const told = new Map<number, T>();
  return {
    of: (partition) => told.get(partition),
    set(partition, happened) {
      told.set(partition, happened);
      show([...told.values()]);
      setTimeout(() => {
        if (told.get(partition) === happened) told.delete(partition);
        show([...told.values()]);
      }, TOLD_MS).unref();
    },
  };
}
