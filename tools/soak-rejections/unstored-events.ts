import type { ConsumedBatch, OrderEvent } from '@order-events/order-stream';

type Batch = Pick<ConsumedBatch, 'events' | 'ackToken'>;

/** What one stream was sent and the server has not said to be stored: the events that an `Acknowledged` to come stands for. */
export interface UnstoredEvents {
  add(batch: Batch): void;
  /** It and what was sent behind it of its order are not handled: no acknowledgement stands for them. */
  giveBack(batch: Batch, event: OrderEvent): void;
  isGivenBack(batch: Batch, event: OrderEvent): boolean;
  /**
   * The stream has these partitions from now on. What it was sent of others is another stream's, and partitions that hold something
   * are begun anew: of them no later acknowledgement stands for what was sent before.
   */
  keepShare(partitions: readonly number[]): void;
  /** What is stored with the acknowledgement of this token. */
  stored(ackToken: string): OrderEvent[];
  /** The stream has ended. */
  clear(): void;
}

interface Sent {
  readonly batch: Batch;
  readonly ackToken: string;
  events: readonly OrderEvent[];
}

/** `touched`: the partitions in which something was rejected, by whomever. */
export function createUnstoredEvents(touched: ReadonlySet<number>): UnstoredEvents {
  let sent: Sent[] = [];
  let givenBack = new WeakMap<Batch, Set<OrderEvent>>();

  return {
    add(batch) {
      sent.push({ batch, ackToken: batch.ackToken, events: batch.events });
    },
    giveBack(batch, rejected) {
      const first = sent.findIndex((each) => each.batch === batch);
      let isBehind = false;
      for (const each of sent.slice(first === -1 ? sent.length : first)) {
        const given = new Set<OrderEvent>(givenBack.get(each.batch));
        for (const event of each.batch.events) {
          isBehind ||= event === rejected;
          if (isBehind && event.orderId === rejected.orderId) given.add(event);
        }
        givenBack.set(each.batch, given);
        each.events = each.events.filter((event) => !given.has(event));
      }
    },
    isGivenBack: (batch, event) => givenBack.get(batch)?.has(event) ?? false,
    keepShare(partitions) {
      const kept = new Set(partitions).difference(touched);
      for (const each of sent) each.events = each.events.filter(({ partition }) => kept.has(partition));
    },
    stored(ackToken) {
      const last = sent.findIndex((each) => each.ackToken === ackToken);
      return sent.splice(0, last + 1).flatMap(({ events }) => events);
    },
    clear() {
      sent = [];
      givenBack = new WeakMap();
    },
  };
}
