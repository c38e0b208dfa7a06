import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import {
  type ConnectionOptions,
  createOrderStreamClient,
  type DeepPartial,
  RESUME_TOKEN_TRAILER,
  type WatchOrdersRequest,
  type WatchOrdersResponse,
} from '@order-events/order-stream';
import { ClientError, Metadata, Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/index.ts';
import type { OrderSelection } from '../../../test/watch-validation/topic-log.ts';
import type {
  ReceivedMessage,
  RecordedStream,
  WatchHistory,
} from '../../../test/watch-validation/watch-history.ts';

export type SignalCase = NonNullable<WatchOrdersResponse['signal']>['$case'];

export interface StreamEnd {
  readonly code: Status;
  readonly message: string;
  readonly trailer: Metadata;
}

/** A client that keeps all it receives. */
export interface StreamRecording {
  readonly messages: WatchOrdersResponse[];
  eventIds(): string[];
  /** Token of the newest message. */
  token(): string;
  /** Resolves with the first message that has such a signal, from the given message on. */
  signal(kind: SignalCase, from?: number): Promise<WatchOrdersResponse>;
  /** Resolves when so many events have arrived. */
  events(count: number): Promise<string[]>;
  readonly ended: Promise<StreamEnd>;
  /** The client takes nothing more; answers how it goes on. */
  hold(): () => void;
  /** The client goes away. */
  cancel(): Promise<void>;
  /** For the judges of test/watch-validation. */
  history(): WatchHistory;
}

/** Watches `address` (host:port) until the test is over. */
export function recordWatch(
  t: TestContext,
  address: string,
  request: DeepPartial<WatchOrdersRequest> = {},
  connection: ConnectionOptions = {},
): StreamRecording {
  const { client, close } = createOrderStreamClient(address, connection);
  const abort = new AbortController();
  const messages: WatchOrdersResponse[] = [];
  const received: ReceivedMessage[] = [];
  const openedAtMs = performance.now();
  let endedAtMs: number | undefined;
  let trailer = Metadata();
  let held = Promise.resolve();
  let release = () => {};

  async function receive(): Promise<StreamEnd> {
    try {
      const options = { signal: abort.signal, onTrailer: (sent: Metadata) => (trailer = sent) };
      for await (const message of client.watchOrders(request, options)) {
        messages.push(message);
        received.push({ atMs: performance.now(), message });
        await held;
      }
      return { code: Status.OK, message: '', trailer };
    } catch (error) {
      if (error instanceof ClientError) return { code: error.code, message: error.details, trailer };
      if (abort.signal.aborted) return { code: Status.CANCELLED, message: 'by the test', trailer };
      throw error;
    } finally {
      endedAtMs = performance.now();
      close();
    }
  }

  const ended = receive();
  const over = new AbortController();
  void ended.catch(() => undefined).then(() => over.abort());
  const unlessOver = <T>(probe: () => T) => eventually(probe, { over: over.signal });
  const cancel = async () => {
    abort.abort();
    release();
    await ended;
  };
  t.after(cancel);
  const eventIds = () => messages.flatMap(({ events }) => events.map(({ eventId }) => eventId));
  return {
    messages,
    eventIds,
    token: () => messages.at(-1)?.resumeToken ?? assert.fail('no message has arrived'),
    signal: (kind, from = 0) =>
      unlessOver(() => {
        const found = messages.slice(from).find(({ signal }) => signal?.$case === kind);
        const seen = messages.map(({ events, signal }) => signal?.$case ?? `${events.length} events`);
        return found ?? assert.fail(`no ${kind} among ${seen.join(', ')}`);
      }),
    events: (count) =>
      unlessOver(() => {
        const ids = eventIds();
        assert.ok(ids.length >= count, `${ids.length} of ${count} events have arrived`);
        return ids;
      }),
    ended,
    hold() {
      held = new Promise((resolve) => (release = resolve));
      return release;
    },
    cancel,
    history: () => ({
      client: `watch ${JSON.stringify(request, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`,
      filter: (request.filter ?? {}) as OrderSelection,
      allowGap: request.allowGap ?? false,
      streams: [
        {
          start: request.start?.position as RecordedStream['start'],
          openedAtMs,
          messages: received,
          endedAtMs,
          endToken: trailer.get(RESUME_TOKEN_TRAILER),
        },
      ],
    }),
  };
}

/** What one client saw that went from stream to stream, with the same request but for the start. */
export function joinedHistory(recordings: readonly StreamRecording[]): WatchHistory {
  const [first, ...rest] = recordings.map((recording) => recording.history());
  if (!first) throw new Error('no stream was recorded');
  return { ...first, streams: [...first.streams, ...rest.flatMap(({ streams }) => streams)] };
}
