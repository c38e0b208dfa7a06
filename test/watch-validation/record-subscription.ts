import type { TestContext } from 'node:test';
import { consumeOrders, type ConsumedBatch, type OrderFilter } from '@order-events/order-stream';
import type { OrderSelection } from './topic-log.ts';
import type { SubscriptionHistory, SubscriptionStep } from './subscription-history.ts';

export interface RecordedSubscription {
  history(): SubscriptionHistory;
  /** Connections that were lost, over all consumers. */
  interruptions(): number;
  stop(): Promise<void>;
}

export interface RecordedSubscriptionOptions {
  readonly subscription: string;
  readonly filter?: OrderSelection;
  /** How many, or for each the client that it has: of another release, for example. */
  readonly consumers: number | readonly (typeof consumeOrders)[];
  readonly address: () => string;
  /** How long a consumer works at a batch before it acknowledges. */
  readonly work: () => Promise<void>;
}

const MAX_RETRY_DELAY_MS = 1_000;

/** What went to another consumer before it was acknowledged is sent again there: no later acknowledgement of this one is of it. */
const withinShare = (batch: ConsumedBatch, partitions: readonly number[]): ConsumedBatch => ({
  ...batch,
  events: batch.events.filter(({ partition }) => partitions.includes(partition)),
});

/** Consumers that share a subscription, acknowledge what they got, and write down everything. */
export function recordSubscription(
  t: Pick<TestContext, 'after'>,
  { subscription, filter = {}, consumers, address, work }: RecordedSubscriptionOptions,
): RecordedSubscription {
  const stopping = new AbortController();
  const steps: SubscriptionStep[] = [];
  let interruptions = 0;

  async function consume(consumer: string, open: typeof consumeOrders): Promise<void> {
    /** Of the present connection, in the order of their arrival. */
    let unstored: ConsumedBatch[] = [];
    let working = Promise.resolve();
    /** Beside the arrivals: what waits to be worked at has been delivered, and may have been given to another meanwhile. */
    const handle = async (batch: ConsumedBatch) => {
      if (batch.events.length > 0) await work();
      note('acknowledged', batch);
      batch.acknowledge();
    };
    const note = (kind: SubscriptionStep['kind'], { events }: ConsumedBatch) =>
      void steps.push(...events.map((event): SubscriptionStep => ({ kind, consumer, event })));
    const batches = open({
      subscription,
      filter: filter as Partial<OrderFilter>,
      address,
      signal: stopping.signal,
      // What comes again must be seen.
      rememberedEvents: 0,
      maxRetryDelayMs: MAX_RETRY_DELAY_MS,
      onInterruption: () => (interruptions += 1),
    });
    for await (const batch of batches) {
      if (batch.signal?.$case === 'started') unstored = [];
      if (batch.signal?.$case === 'assignmentChanged') {
        const { partitions } = batch.signal.value;
        unstored = unstored.map((sent) => withinShare(sent, partitions));
      }
      if (batch.signal?.$case === 'acknowledged') {
        const { ackToken } = batch.signal.value;
        const last = unstored.findIndex((candidate) => candidate.ackToken === ackToken);
        for (const stored of unstored.splice(0, last + 1)) note('stored', stored);
      }
      note('delivered', batch);
      unstored.push(batch);
      working = working.then(() => handle(batch));
    }
    await working;
  }

  const clients =
    typeof consumers === 'number' ? Array.from({ length: consumers }, () => consumeOrders) : consumers;
  const done = Promise.all(clients.map((open, index) => consume(`consumer ${index}`, open)));
  done.catch(() => undefined);
  const stop = async () => {
    stopping.abort();
    await done;
  };
  t.after(stop);
  return { history: () => ({ subscription, filter, steps }), interruptions: () => interruptions, stop };
}
