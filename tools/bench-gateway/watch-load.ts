import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { OrderStreamServiceDefinition } from '@order-events/order-stream';
import { type LatencyHistogram, mergeLatencies } from './latency-histogram.ts';

export interface WatchGroup {
  /** `host:port`. */
  readonly address: string;
  readonly path: string;
  readonly count: number;
  /** Encoded; watcher n sends number n modulo their count. */
  readonly requests: readonly Uint8Array[];
  /** False: takes the first 64 KiB and then nothing, without closing. */
  readonly reads: boolean;
}

/** What the watchers that read have received since the counters were last reset. */
export interface WatchCounts {
  readonly events: number;
  readonly messages: number;
  /** Streams that the server has ended. */
  readonly ended: number;
  readonly fewestEvents: number;
  readonly mostEvents: number;
}

export interface WatchFigures extends WatchCounts {
  /** From when an event was produced to when a watcher had read it. */
  readonly latencies: LatencyHistogram;
}

export type WatchCommand =
  | { readonly kind: 'connect'; readonly group: WatchGroup }
  | { readonly kind: 'reset' | 'count' | 'figures' | 'disconnect' }
  /** All close and come back at once with their tokens. */
  | { readonly kind: 'reconnect' };

export interface WatchAnswer {
  readonly counts: WatchCounts;
  readonly latencies?: LatencyHistogram;
  /** From the reconnect to the first message of each stream, in ms. */
  readonly reconnects?: LatencyHistogram;
  readonly error?: string;
}

export const WATCH_ORDERS_PATH = `/${OrderStreamServiceDefinition.fullName}/WatchOrders`;

export interface WatchLoad {
  readonly pids: readonly number[];
  /** Resolves when each of the streams has had its first message. */
  connect(group: WatchGroup): Promise<void>;
  reset(): Promise<void>;
  counts(): Promise<WatchCounts>;
  /** Resolves when the streams have received so many events together since the reset. */
  receives(events: number, signal: AbortSignal): Promise<void>;
  figures(): Promise<WatchFigures>;
  /** How long each stream took to be there again. */
  reconnect(): Promise<LatencyHistogram>;
  disconnect(): Promise<void>;
  stop(): Promise<void>;
}

const LOOK_INTERVAL_MS = 50;

/** Watchers in processes of their own, each stream on a connection of its own. */
export function startWatchLoad(processes: number): WatchLoad {
  const workers = Array.from({ length: processes }, startWorker);
  const all = (command: WatchCommand) => Promise.all(workers.map((worker) => worker.ask(command)));
  const merged = (answers: readonly WatchAnswer[]) => mergeCounts(answers.map(({ counts }) => counts));
  const counts = async () => merged(await all({ kind: 'count' }));
  return {
    pids: workers.map(({ pid }) => pid),
    async connect(group) {
      await Promise.all(
        workers.map((worker, index) =>
          worker.ask({ kind: 'connect', group: shareOf(group, index, processes) }),
        ),
      );
    },
    async reset() {
      await all({ kind: 'reset' });
    },
    counts,
    async receives(events, signal) {
      while ((await counts()).events < events) await pause(LOOK_INTERVAL_MS, undefined, { signal });
    },
    async figures() {
      const answers = await all({ kind: 'figures' });
      return {
        ...merged(answers),
        latencies: mergeLatencies(answers.flatMap(({ latencies }) => latencies ?? [])),
      };
    },
    async reconnect() {
      const answers = await all({ kind: 'reconnect' });
      return mergeLatencies(answers.flatMap(({ reconnects }) => reconnects ?? []));
    },
    async disconnect() {
      await all({ kind: 'disconnect' });
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
}

/** Neighbouring watchers go to different processes. */
function shareOf(group: WatchGroup, index: number, processes: number): WatchGroup {
  const count = Math.floor((group.count + processes - 1 - index) / processes);
  const { requests } = group;
  const turn = Array.from(
    { length: requests.length },
    (_, n) => requests[(n * processes + index) % requests.length],
  );
  return { ...group, count, requests: turn.flatMap((request) => request ?? []) };
}

function mergeCounts(counts: readonly WatchCounts[]): WatchCounts {
  const sum = (of: (count: WatchCounts) => number) => counts.reduce((total, count) => total + of(count), 0);
  return {
    events: sum(({ events }) => events),
    messages: sum(({ messages }) => messages),
    ended: sum(({ ended }) => ended),
    fewestEvents: Math.min(...counts.map(({ fewestEvents }) => fewestEvents)),
    mostEvents: Math.max(...counts.map(({ mostEvents }) => mostEvents)),
  };
}

interface Worker {
  readonly pid: number;
  ask(command: WatchCommand): Promise<WatchAnswer>;
  stop(): Promise<void>;
}

function startWorker(): Worker {
  const child = fork(join(import.meta.dirname, 'watch-load-main.ts'), {
    serialization: 'advanced',
    execArgv: [],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('could not run the watchers');
  const exited = once(child, 'exit').then(() => {
    throw new Error('the watchers have ended');
  });
  exited.catch(() => undefined);
  return {
    pid,
    ask: (command) => ask(child, command, exited),
    async stop() {
      if (child.connected) child.disconnect();
      await exited.catch(() => undefined);
    },
  };
}

async function ask(child: ChildProcess, command: WatchCommand, exited: Promise<never>): Promise<WatchAnswer> {
  child.send(command);
  const [message] = await Promise.race([once(child, 'message'), exited]);
  // The other side is watch-load-main.ts, which answers each command once and sends nothing else.
  const answer = message as WatchAnswer;
  if (answer.error !== undefined) throw new Error(`the watchers failed: ${answer.error}`);
  return answer;
}
