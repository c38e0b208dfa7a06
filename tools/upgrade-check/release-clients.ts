import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as orderStream from '@order-events/order-stream';
import { type ConsumedBatch, type OrderEvent, OrderStatus } from '@order-events/order-stream';
import { type RecordedClient, recordClient } from '../../test/watch-validation/record-client.ts';
import {
  type RecordedSubscription,
  recordSubscription,
} from '../../test/watch-validation/record-subscription.ts';
import { wayOf } from './order-writes.ts';
import type { Release, Replica } from './replicas.ts';

type Client = Pick<typeof orderStream, 'watchOrders' | 'consumeOrders'>;

/** When somebody who must see everything has first seen each version of an order. */
export interface Sight {
  readonly name: string;
  readonly seenAtMs: ReadonlyMap<string, number>;
}

export interface StartedStream {
  readonly client: Release;
  readonly kind: 'watch' | 'consume';
  /** Of the gateway. */
  readonly pid: number;
  /** Who gave the token, or had the share, and who goes on. */
  readonly way: string | undefined;
}

export interface ReleaseClients {
  /** Those without a filter. */
  readonly watchers: readonly Sight[];
  readonly consumers: Sight;
  readonly streams: readonly StartedStream[];
  readonly watches: readonly RecordedClient[];
  readonly subscription: RecordedSubscription;
}

export interface ReleaseClientsOptions {
  readonly folders: Readonly<Record<Release, string>>;
  readonly gateways: () => readonly Replica[];
  readonly after: (cleanUp: () => unknown) => void;
}

const RELEASES = ['old', 'new'] as const;
const FILTERS = [{}, { statuses: [OrderStatus.SHIPPED, OrderStatus.CANCELLED] }];
const HEARTBEAT_MS = 2_000;

export const versionKey = (orderId: string, version: number | bigint): string => `${orderId}/${version}`;

/** Watchers and consumers by the clients of both releases; each goes to the other gateway whenever its stream has ended. */
export async function startReleaseClients(options: ReleaseClientsOptions): Promise<ReleaseClients> {
  const { folders, gateways } = options;
  const after = (cleanUp: () => unknown) => options.after(cleanUp);
  const streams: StartedStream[] = [];
  const watchers: Sight[] = [];
  const watches: RecordedClient[] = [];
  const consumed = createSight('consumers');
  const consumers: Client['consumeOrders'][] = [];
  for (const release of RELEASES) {
    const client: Client = await import(
      pathToFileURL(join(folders[release], 'packages/order-stream/src/index.ts')).href
    );
    for (const [index, filter] of FILTERS.entries()) {
      const sight = createSight(`${release} client${index > 0 ? ', with a filter' : ''}`);
      if (index === 0) watchers.push(sight);
      const journey = createJourney(gateways, (stream) =>
        streams.push({ ...stream, client: release, kind: 'watch' }),
      );
      watches.push(
        recordClient({ after } as Parameters<typeof recordClient>[0], {
          client: sight.name,
          filter,
          address: journey.address,
          start: { $case: 'earliest', value: true },
          heartbeatIntervalMs: HEARTBEAT_MS,
          watch: observed(
            client.watchOrders,
            (message) => (journey.note(message), sight.note(message.events)),
          ),
        }),
      );
    }
    const journey = createJourney(gateways, (stream) =>
      streams.push({ ...stream, client: release, kind: 'consume' }),
    );
    const consume = observed(client.consumeOrders, (batch: ConsumedBatch) => {
      journey.note(batch);
      consumed.note(batch.events);
    });
    consumers.push((given) => consume({ ...given, address: journey.address }));
  }
  const subscription = recordSubscription({ after } as Parameters<typeof recordSubscription>[0], {
    subscription: 'upgrade-check',
    consumers,
    // Each has an address of its own.
    address: () => '',
    work: () => Promise.resolve(),
  });
  return { watchers, consumers: consumed, streams, watches, subscription };
}

/** Goes from one gateway to the other, and tells each stream that was begun. */
function createJourney(
  gateways: () => readonly Replica[],
  onStream: (stream: { pid: number; way: string | undefined }) => void,
) {
  let turn = 0;
  let asked: Replica | undefined;
  let before: Replica | undefined;
  return {
    address() {
      turn += 1;
      asked = gateways()[turn % 2];
      return asked?.address ?? '';
    },
    note({ signal }: { readonly signal?: { readonly $case: string } | undefined }) {
      if (signal?.$case !== 'started' || !asked) return;
      onStream({ pid: asked.pid, way: before && wayOf(before.release, asked.release) });
      before = asked;
    },
  };
}

function createSight(name: string) {
  const seenAtMs = new Map<string, number>();
  return {
    name,
    seenAtMs,
    note(events: readonly OrderEvent[]) {
      for (const { orderId, orderVersion } of events) {
        const key = versionKey(orderId, orderVersion);
        if (!seenAtMs.has(key)) seenAtMs.set(key, performance.now());
      }
    },
  };
}

/** The same, with somebody who looks on. */
function observed<Options, Message>(
  open: (options: Options) => AsyncGenerator<Message, void, undefined>,
  look: (message: Message) => void,
) {
  return async function* (options: Options): AsyncGenerator<Message, void, undefined> {
    for await (const message of open(options)) {
      look(message);
      yield message;
    }
  };
}
