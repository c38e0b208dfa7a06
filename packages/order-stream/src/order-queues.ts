/** Runs work of several keys at once, and of one key one after the other, in the order in which it came. */
export interface OrderQueues<Work> {
  /** Begins when all of it is there: the first piece may drop what is behind it. */
  add(works: Iterable<readonly [orderId: string, work: Work]>): void;
  /** Takes away what has not begun and answers it. */
  drop(isDropped: (work: Work, orderId: string) => boolean): Work[];
  /** Begins nothing more; settles when what runs has ended. */
  stop(): Promise<void>;
}

/** `run` must not reject. */
export function createOrderQueues<Work>(
  concurrency: number,
  run: (work: Work) => Promise<void>,
): OrderQueues<Work> {
  /** Waiting work by order; an order in it whose work runs is in `running` as well. */
  const waiting = new Map<string, Work[]>();
  const running = new Map<string, Promise<void>>();
  let stopped = false;

  async function runNext(orderId: string, work: Work): Promise<void> {
    await run(work);
    running.delete(orderId);
    begin();
  }

  function begin(): void {
    for (const [orderId, queue] of waiting) {
      if (stopped || running.size >= concurrency) return;
      if (running.has(orderId)) continue;
      const work = queue.shift();
      // Behind all others, so that a busy order keeps none waiting.
      waiting.delete(orderId);
      if (work === undefined) continue;
      if (queue.length > 0) waiting.set(orderId, queue);
      running.set(orderId, runNext(orderId, work));
    }
  }

  return {
    add(works) {
      for (const [orderId, work] of works) {
        const queue = waiting.get(orderId);
        if (queue) queue.push(work);
        else waiting.set(orderId, [work]);
      }
      begin();
    },
    drop(isDropped) {
      const dropped: Work[] = [];
      for (const [orderId, queue] of waiting) {
        const kept = queue.filter((work) => !isDropped(work, orderId));
        dropped.push(...queue.filter((work) => isDropped(work, orderId)));
        if (kept.length > 0) waiting.set(orderId, kept);
        else waiting.delete(orderId);
      }
      return dropped;
    },
    async stop() {
      stopped = true;
      while (running.size > 0) await Promise.all(running.values());
    },
  };
}
