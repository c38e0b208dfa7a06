import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import {
  type ConnectionOptions,
  type ConsumeOrdersRequest,
  type ConsumeOrdersResponse,
  createOrderStreamClient,
  type DeepPartial,
  type OrderEvent,
} from '@order-events/order-stream';
import { ClientError, Metadata, Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/index.ts';
import { TEST_CLIENT } from '../../../test/harness/test-access.ts';
import type { StreamEnd } from './stream-recorder.ts';

export type ConsumeSignalCase = NonNullable<ConsumeOrdersResponse['signal']>['$case'];
type Open = DeepPartial<Extract<NonNullable<ConsumeOrdersRequest['request']>, { $case: 'open' }>['value']>;
type Requests = DeepPartial<ConsumeOrdersRequest>;

/** A consumer that keeps all it receives. */
export interface ConsumeRecording {
  readonly messages: ConsumeOrdersResponse[];
  events(): OrderEvent[];
  eventIds(): string[];
  /** Partitions that it was told last. */
  partitions(): readonly number[] | undefined;
  /** Sends a request as it is. */
  send(request: Requests): void;
  /** Acknowledges up to the newest message, or the given one. */
  acknowledge(message?: ConsumeOrdersResponse): void;
  /** Acknowledges every message as it comes, from now on. */
  acknowledgeAll(): void;
  /** Ends its side. */
  halfClose(): void;
  /** Resolves with the first message that has such a signal, from the given message on. */
  signal(kind: ConsumeSignalCase, from?: number): Promise<ConsumeOrdersResponse>;
  /** Resolves when it has as many partitions. */
  hasPartitions(count: number): Promise<readonly number[]>;
  /** Resolves when so many events have arrived. */
  received(count: number): Promise<string[]>;
  readonly ended: Promise<StreamEnd>;
  /** The client goes away. */
  cancel(): Promise<void>;
}

/** Consumes from `address` (host:port) until the test is over; without `open` nothing is sent at first. */
export function recordConsume(
  t: TestContext,
  address: string,
  open: Open | undefined,
  connection: ConnectionOptions = {},
): ConsumeRecording {
  const { client, close } = createOrderStreamClient(address, { ...TEST_CLIENT, ...connection });
  const abort = new AbortController();
  const messages: ConsumeOrdersResponse[] = [];
  const requests = createRequests();
  let trailer = Metadata();
  let acknowledgesAll = false;

  function acknowledge(message = messages.at(-1)): void {
    const ackToken = message?.ackToken ?? assert.fail('nothing to acknowledge');
    requests.send({ request: { $case: 'acknowledge', value: { ackToken } } });
  }

  async function receive(): Promise<StreamEnd> {
    try {
      const options = { signal: abort.signal, onTrailer: (received: Metadata) => (trailer = received) };
      for await (const message of client.consumeOrders(requests, options)) {
        messages.push(message);
        if (acknowledgesAll && message.events.length > 0) acknowledge(message);
      }
      return { code: Status.OK, message: '', trailer };
    } catch (error) {
      if (error instanceof ClientError) return { code: error.code, message: error.details, trailer };
      if (abort.signal.aborted) return { code: Status.CANCELLED, message: 'by the test', trailer };
      throw error;
    } finally {
      close();
    }
  }

  if (open) requests.send({ request: { $case: 'open', value: open } });
  let end: StreamEnd | undefined;
  const ended = receive().then((known) => (end = known));
  const over = new AbortController();
  void ended.catch(() => undefined).then(() => over.abort());
  const unlessOver = <T>(probe: () => T) => eventually(probe, { over: over.signal });
  const cancel = async () => {
    abort.abort();
    await ended;
  };
  t.after(cancel);
  const events = () => messages.flatMap((message) => message.events);
  const partitions = () => {
    const signals = messages.flatMap(({ signal }) => (signal?.$case === 'assignmentChanged' ? [signal] : []));
    return signals.at(-1)?.value.partitions;
  };
  return {
    messages,
    events,
    eventIds: () => events().map(({ eventId }) => eventId),
    partitions,
    send: requests.send,
    acknowledge,
    acknowledgeAll() {
      acknowledgesAll = true;
      if (messages.length > 0) acknowledge();
    },
    halfClose: requests.end,
    signal: (kind, from = 0) =>
      unlessOver(() => {
        const found = messages.slice(from).find(({ signal }) => signal?.$case === kind);
        const seen = messages.map((message) => message.signal?.$case ?? `${message.events.length} events`);
        return found ?? assert.fail(`no ${kind} among ${seen.join(', ')}`);
      }),
    hasPartitions: (count) =>
      unlessOver(() => {
        const now = partitions();
        assert.equal(
          now?.length,
          count,
          `${now?.length} partitions, not ${count}; ended with ${end?.message}`,
        );
        return now ?? [];
      }),
    received: (count) =>
      unlessOver(() => {
        const ids = events().map(({ eventId }) => eventId);
        assert.ok(ids.length >= count, `${ids.length} of ${count} events have arrived`);
        return ids;
      }),
    ended,
    cancel,
  };
}

/** Requests that are sent one by one, until they are ended. */
function createRequests(): AsyncIterable<Requests> & { send(request: Requests): void; end(): void } {
  const waiting: Requests[] = [];
  let wake = Promise.withResolvers<void>();
  let ended = false;
  return {
    send(request) {
      waiting.push(request);
      wake.resolve();
    },
    end() {
      ended = true;
      wake.resolve();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        yield* waiting.splice(0);
        if (ended) return;
        if (waiting.length === 0) await wake.promise;
        wake = Promise.withResolvers();
      }
    },
  };
}
