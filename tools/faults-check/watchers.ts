import type { OrderEvent } from '@order-events/order-stream';
import { type ResumingWatchOptions, startResumingWatch } from '../load/resuming-watch.ts';
import { createObserver, type Observer } from './observer.ts';

export type WatchSignal = Parameters<NonNullable<ResumingWatchOptions['onSignal']>>[0];

/** Told which watcher it was. */
export interface WatchListener {
  readonly onSignal?: (signal: WatchSignal, watcher: number) => void;
  readonly onEvent?: (event: OrderEvent) => void;
}

export interface Watchers {
  readonly observers: readonly Observer[];
  gatewayOfFirst(): number;
  stop(): Promise<void>;
}

export const HEARTBEAT_MS = 1_000;

/** One watcher at each gateway; who loses its stream goes on at the next gateway, from its token. */
export async function startWatchers(
  gateways: readonly string[],
  token: (() => Promise<string>) | undefined,
  listener: WatchListener = {},
): Promise<Watchers> {
  const places = gateways.map((_, index) => index - 1);
  const observers = gateways.map(() => createObserver());
  const watches = gateways.map((_, index) =>
    startResumingWatch({
      address: () => gateways[(places[index] = nextOf(gateways, places[index] ?? 0))] ?? '',
      token,
      heartbeatIntervalMs: HEARTBEAT_MS,
      onEvent(event) {
        observers[index]?.deliver(toChange(event));
        listener.onEvent?.(event);
      },
      onSignal: (signal) => listener.onSignal?.(signal, index),
    }),
  );
  await Promise.all(watches.map(({ started }) => started));
  return {
    observers,
    gatewayOfFirst: () => places[0] ?? 0,
    async stop() {
      await Promise.all(watches.map((watch) => watch.stop()));
    },
  };
}

export function nextOf(gateways: readonly string[], place: number): number {
  return (place + 1) % gateways.length;
}

export function toChange({ orderId, orderVersion }: OrderEvent): { orderId: string; version: number } {
  return { orderId, version: Number(orderVersion) };
}
