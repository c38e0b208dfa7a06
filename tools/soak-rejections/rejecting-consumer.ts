import { setTimeout as pause } from 'node:timers/promises';
import {
  consumeOrders,
  type ConsumedBatch,
  handleOrders,
  type OrderEvent,
  Reject,
  RejectOutcome,
  Retry,
} from '@order-events/order-stream';
import { createUnstoredEvents } from './unstored-events.ts';
import { REJECT_POLICY, type RejectionChoice } from './rejection-choice.ts';
import type { EventStepKind, RejectionStep } from './rejection-step.ts';
import { soakEventNumber } from './soak-event.ts';

export interface RejectingConsumerOptions {
  readonly name: string;
  readonly address: () => string;
  readonly subscription: string;
  readonly signal: AbortSignal;
  /** How long the work at a batch, or at an event of a handler, takes. */
  readonly workMs: () => number;
  readonly choose: (event: number, attempt: number) => RejectionChoice;
  readonly onStep: (step: RejectionStep, event: OrderEvent) => void;
  readonly onInterruption: () => void;
  /** Partitions of the subscription in which something was rejected, by whomever. */
  readonly touched: Set<number>;
}

/** Kept short, as nobody is to wait long for a gateway that has come back; and what comes again must be seen. */
const STREAM_OPTIONS = { rememberedEvents: 0, maxRetryDelayMs: 1_000, rejectPolicy: REJECT_POLICY };
const HANDLED_AT_ONCE = 8;

/** Takes part by `consumeOrders`, and tells all that the server says. */
export async function consumeAndReject(options: RejectingConsumerOptions): Promise<void> {
  const { name: consumer, address, subscription, signal, onInterruption, touched } = options;
  const told = new Map<string, OrderEvent>();
  const unstored = createUnstoredEvents(touched);
  let connection = 0;
  let working = Promise.resolve();
  const note = (kind: EventStepKind, event: OrderEvent) =>
    options.onStep({ kind, consumer, event: soakEventNumber(event.eventId), attempt: event.attempt }, event);

  async function work(batch: ConsumedBatch, of: number): Promise<void> {
    if (batch.events.length > 0) await pause(options.workMs());
    for (const event of batch.events) {
      if (of !== connection) return;
      if (unstored.isGivenBack(batch, event)) continue;
      const choice = options.choose(soakEventNumber(event.eventId), event.attempt);
      if (choice === 'handle') note('handled', event);
      else {
        touched.add(event.partition);
        told.set(event.eventId, event);
        unstored.giveBack(batch, event);
        note('rejecting', event);
        batch.reject(event, rejectionOf(choice));
      }
    }
    if (of === connection && batch.events.length > 0) batch.acknowledge();
  }

  function listen({ signal: said }: ConsumedBatch): void {
    if (said?.$case === 'started') {
      connection += 1;
      told.clear();
      unstored.clear();
    } else if (said?.$case === 'assignmentChanged') unstored.keepShare(said.value.partitions);
    else if (said?.$case === 'acknowledged') {
      for (const event of unstored.stored(said.value.ackToken)) note('stored', event);
    } else if (said?.$case === 'rejected') {
      const event = told.get(said.value.eventId);
      told.delete(said.value.eventId);
      if (event && said.value.outcome === RejectOutcome.RETRY) note('held', event);
      if (event && said.value.outcome === RejectOutcome.SET_ASIDE) note('set aside', event);
    }
  }

  for await (const batch of consumeOrders({
    ...STREAM_OPTIONS,
    ...{ address, subscription, signal, onInterruption },
  })) {
    listen(batch);
    for (const event of batch.events) note('delivered', event);
    unstored.add(batch);
    const of = connection;
    working = working.then(() => work(batch, of));
  }
  await working;
}

const rejectionOf = (choice: Exclude<RejectionChoice, 'handle'>) =>
  choice === 'set aside'
    ? { reason: 'set aside by the soak', setAside: true }
    : { reason: 'rejected by the soak', retryDelayMs: choice.retryDelayMs };

/** Takes part by `handleOrders`, several orders at once; what the server says of it stays with the client. */
export async function handleAndReject(options: RejectingConsumerOptions): Promise<void> {
  const { name: consumer, address, subscription, signal, onInterruption, touched } = options;
  await handleOrders({
    ...STREAM_OPTIONS,
    ...{ address, subscription, signal, onInterruption, concurrency: HANDLED_AT_ONCE },
    async handle(event) {
      const step = { consumer, event: soakEventNumber(event.eventId), attempt: event.attempt };
      options.onStep({ ...step, kind: 'begun' }, event);
      await pause(options.workMs());
      const choice = options.choose(step.event, event.attempt);
      if (choice === 'handle') return options.onStep({ ...step, kind: 'handled' }, event);
      touched.add(event.partition);
      if (choice === 'set aside') throw new Reject('set aside by the soak');
      throw new Retry('rejected by the soak', {
        ...(choice.retryDelayMs !== undefined && { delayMs: choice.retryDelayMs }),
      });
    },
  });
}
