import { consumeOrders, type ConsumedBatch, type ConsumeOrdersOptions } from './consume-orders.ts';
import { createEventMemory } from './event-memory.ts';
import type { Gap, OrderEvent } from './gen/orders/v1/order_stream.ts';
import { createOrderQueues } from './order-queues.ts';

/** Thrown by a handler: not now. The event comes again after a delay, and then what follows of its order. */
export class Retry extends Error {
  override readonly name = 'Retry';
  readonly delayMs: number | undefined;

  constructor(reason: string, options: ErrorOptions & { readonly delayMs?: number } = {}) {
    super(reason, options);
    this.delayMs = options.delayMs;
  }
}

/** Thrown by a handler: never like this. Its order is set aside until somebody decides. */
export class Reject extends Error {
  override readonly name = 'Reject';
}

export interface HandleOrdersOptions extends ConsumeOrdersOptions {
  /**
   * Handles one event. `event.attempt` is 0 at first, and from the second delivery on its number. What it throws rejects the event: a
   * Reject sets its order aside; a Retry, and any other error, lets it come again as `rejectPolicy` says. Once `signal` has aborted, other
   * errors reject nothing: what was given up for it comes again at once, here or elsewhere.
   */
  readonly handle: (event: OrderEvent) => unknown;
  /** So many orders are worked at at once, and always one event of an order at a time; default 1. */
  readonly concurrency?: number;
  /** Told of each event that is rejected, and why. What it throws ends everything. */
  readonly onRejected?: (event: OrderEvent, error: unknown) => void;
  /** Told of events that the log has lost, or that cannot be read. What it throws ends everything. */
  readonly onGap?: (gap: Gap) => void;
}

interface Batch {
  readonly given: ConsumedBatch;
  /** Events that are not done yet. */
  open: number;
}

interface Work {
  readonly event: OrderEvent;
  readonly batch: Batch;
}

/**
 * Takes part in a shared subscription and handles each event: in order per order, and several orders at once when asked. What is
 * handled is acknowledged as far as nothing before it is open. An event whose handling ended after its connection had, is not handled
 * again here within the memory; besides that, as with `consumeOrders`, handlers must be idempotent.
 *
 * When `signal` aborts, it begins nothing more, waits for the handlers that run, stores what can be acknowledged and resolves. Rejects
 * with an OrderStreamError when no retry can mend the refusal, and with a RangeError for a concurrency that is none.
 */
export async function handleOrders(options: HandleOrdersOptions): Promise<void> {
  const { handle, onRejected, onGap, signal, concurrency = 1, ...consumeOptions } = options;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new RangeError(`concurrency must be a whole number of at least 1, not ${concurrency}`);
  }
  const leaving = new AbortController();
  /** Handled when its connection was gone: it comes again. */
  const handledLate = createEventMemory(consumeOptions.maxUnacknowledgedEvents ?? LATE_EVENTS);
  const queues = createOrderQueues<Work>(concurrency, run);
  /** Of the present connection, oldest first. */
  let batches: Batch[] = [];
  let failure: { readonly error: unknown } | undefined;

  async function run({ event, batch }: Work): Promise<void> {
    try {
      if (await runOne(event, batch)) done([{ event, batch }]);
    } catch (error) {
      failure ??= { error };
      leaving.abort();
    }
  }

  /** Answers whether nothing more is to be done about it here. */
  async function runOne(event: OrderEvent, batch: Batch): Promise<boolean> {
    if (handledLate.has(event.eventId)) return true;
    try {
      await handle(event);
    } catch (error) {
      const isDecided = error instanceof Reject || error instanceof Retry;
      if (signal?.aborted && !isDecided) return false;
      if (batches.includes(batch)) reject(event, batch, error);
      return true;
    }
    if (!batches.includes(batch)) handledLate.remember(event.eventId);
    return true;
  }

  function reject(event: OrderEvent, { given }: Batch, error: unknown): void {
    onRejected?.(event, error);
    const reason = error instanceof Error ? error.message : String(error);
    const retryDelayMs = error instanceof Retry ? error.delayMs : undefined;
    given.reject(event, { reason, retryDelayMs, setAside: error instanceof Reject });
    done(queues.drop((_, orderId) => orderId === event.orderId));
  }

  function done(works: readonly Work[]): void {
    for (const { batch } of works) batch.open -= 1;
    const first = batches.findIndex(({ open }) => open > 0);
    batches
      .splice(0, first === -1 ? batches.length : first)
      .at(-1)
      ?.given.acknowledge();
  }

  function take(given: ConsumedBatch): void {
    const { signal: told, events } = given;
    if (told?.$case === 'started') {
      // All that was not acknowledged comes again.
      batches = [];
      queues.drop(() => true);
    }
    // None at all says as well that the server has lost touch with the group, and these may stay with the stream.
    if (told?.$case === 'assignmentChanged' && told.value.partitions.length > 0) {
      leaveOthers(new Set(told.value.partitions));
    }
    if (told?.$case === 'gap') onGap?.(told.value);
    // One whose events were all handled before is acknowledged all the same: the server may never have learned of it.
    if (events.length === 0 && told) return;
    const batch = { given, open: events.length };
    batches.push(batch);
    queues.add(events.map((event) => [event.orderId, { event, batch }]));
    done([]);
  }

  /** The server sends what is waiting of other partitions to other streams, or here again should they come back. */
  function leaveOthers(partitions: ReadonlySet<number>): void {
    const left = queues.drop(({ event }) => !partitions.has(event.partition));
    for (const { event, batch } of left) batch.given.giveBack(event);
    done(left);
  }

  const leave = () => void queues.stop().then(() => leaving.abort());
  if (signal?.aborted) leave();
  signal?.addEventListener('abort', leave, { once: true });
  try {
    const rejectPolicy = consumeOptions.rejectPolicy ?? {};
    for await (const given of consumeOrders({ ...consumeOptions, rejectPolicy, signal: leaving.signal })) {
      take(given);
    }
  } finally {
    signal?.removeEventListener('abort', leave);
    await queues.stop();
  }
  if (failure) throw failure.error;
}

/** More than a server sends without an acknowledgement by default. */
const LATE_EVENTS = 1_000;
