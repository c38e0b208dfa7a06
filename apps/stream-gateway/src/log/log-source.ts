export interface SourceState {
  /** Whether Kafka can be read; single partitions may still be waited for. */
  readonly available: boolean;
  readonly since: Date;
}

/** Whether Kafka can be read, and which partitions alone cannot. */
export interface LogSource {
  state(): SourceState;
  isReadable(partition: number): boolean;
  waitingPartitions(): readonly number[];
  /** Answers whether that is new. */
  setAvailable(available: boolean): boolean;
  setReadable(partition: number, readable: boolean): void;
  /** Of another topic: all its partitions can be read, as far as is known. */
  forgetPartitions(): void;
}

export function createLogSource(): LogSource {
  const waiting = new Set<number>();
  let state: SourceState = { available: false, since: new Date() };
  return {
    state: () => state,
    isReadable: (partition) => !waiting.has(partition),
    waitingPartitions: () => [...waiting],
    setAvailable(available) {
      if (state.available === available) return false;
      state = { available, since: new Date() };
      return true;
    },
    setReadable(partition, readable) {
      if (readable) waiting.delete(partition);
      else waiting.add(partition);
    },
    forgetPartitions: () => waiting.clear(),
  };
}
