import { WatchOrdersRequest } from '@order-events/order-stream';
import { monotonicMs } from '../bench/monotonic-clock.ts';
import { addLatency, createLatencyHistogram } from './latency-histogram.ts';
import { openRawStream, type RawStream } from './raw-stream.ts';
import { scanResponse } from './response-scan.ts';
import type { WatchAnswer, WatchCommand, WatchCounts, WatchGroup } from './watch-load.ts';

// A process full of watchers, told what to do by watch-load.ts.

interface Watcher {
  readonly group: WatchGroup;
  request: Uint8Array;
  stream: RawStream | undefined;
  hasStarted: boolean;
  hasEnded: boolean;
  events: number;
  messages: number;
  resumeToken: string;
}

/** So many connections are opened before the others: a listening socket has a line of limited length. */
const CONNECTING_AT_ONCE = 250;

let watchers: Watcher[] = [];
let latencies = createLatencyHistogram();
let onStarted: (watcher: Watcher) => void = () => {};

process.once('disconnect', () => process.exit());
process.on('message', (command: WatchCommand) => {
  obey(command).then(
    (answer) => process.send?.({ counts: counts(), ...answer } satisfies WatchAnswer),
    (error: unknown) => process.send?.({ counts: counts(), error: String(error) } satisfies WatchAnswer),
  );
});

async function obey(command: WatchCommand): Promise<Omit<WatchAnswer, 'counts'>> {
  switch (command.kind) {
    case 'connect': {
      const opened = Array.from({ length: command.group.count }, (_, index) =>
        createWatcher(command.group, index),
      );
      watchers.push(...opened);
      await openAll(opened);
      return {};
    }
    case 'reset':
      latencies = createLatencyHistogram();
      for (const watcher of watchers) Object.assign(watcher, { events: 0, messages: 0 });
      return {};
    case 'count':
      return {};
    case 'figures':
      return { latencies };
    case 'reconnect':
      return { reconnects: await reconnect() };
    case 'disconnect':
      for (const { stream } of watchers) stream?.close();
      watchers = [];
      return {};
  }
}

function createWatcher(group: WatchGroup, index: number): Watcher {
  const request = group.requests[index % group.requests.length] ?? new Uint8Array();
  return {
    group,
    request,
    stream: undefined,
    hasStarted: false,
    hasEnded: false,
    events: 0,
    messages: 0,
    resumeToken: '',
  };
}

async function openAll(opened: readonly Watcher[]): Promise<void> {
  const waiting = [...opened];
  let missing = opened.length;
  await new Promise<void>((resolve) => {
    const openNext = () => {
      const watcher = waiting.shift();
      if (watcher) open(watcher);
    };
    onStarted = () => {
      missing -= 1;
      if (missing === 0) resolve();
      else openNext();
    };
    if (missing === 0) resolve();
    for (let line = 0; line < CONNECTING_AT_ONCE; line += 1) openNext();
  });
}

function open(watcher: Watcher): void {
  const { address, path, reads } = watcher.group;
  const [host = '', port] = address.split(':');
  watcher.hasStarted = false;
  watcher.stream = openRawStream({
    host,
    port: Number(port),
    path,
    request: watcher.request,
    reads,
    onMessage: (message) => take(watcher, message),
    onEnd() {
      watcher.hasEnded = true;
      start(watcher);
    },
  });
}

function take(watcher: Watcher, message: Buffer): void {
  const nowMs = monotonicMs();
  const { reads } = watcher.group;
  const { events, resumeToken } = scanResponse(message, (producedAtMs) => {
    if (reads) addLatency(latencies, nowMs - producedAtMs);
  });
  watcher.events += events;
  if (events > 0) watcher.messages += 1;
  watcher.resumeToken = resumeToken;
  start(watcher);
}

function start(watcher: Watcher): void {
  if (watcher.hasStarted) return;
  watcher.hasStarted = true;
  onStarted(watcher);
}

async function reconnect(): Promise<ReturnType<typeof createLatencyHistogram>> {
  const histogram = createLatencyHistogram();
  for (const watcher of watchers) {
    watcher.stream?.close();
    const request = WatchOrdersRequest.decode(watcher.request);
    const start = { position: { $case: 'resumeToken' as const, value: watcher.resumeToken } };
    watcher.request = WatchOrdersRequest.encode({ ...request, start }).finish();
  }
  const beganMs = performance.now();
  let missing = watchers.length;
  await new Promise<void>((resolve) => {
    onStarted = () => {
      addLatency(histogram, performance.now() - beganMs);
      missing -= 1;
      if (missing === 0) resolve();
    };
    for (const watcher of watchers) open(watcher);
  });
  return histogram;
}

function counts(): WatchCounts {
  const reading = watchers.filter(({ group }) => group.reads);
  const total = (of: (watcher: Watcher) => number) => reading.reduce((sum, watcher) => sum + of(watcher), 0);
  const events = reading.map((watcher) => watcher.events);
  return {
    events: total((watcher) => watcher.events),
    messages: total((watcher) => watcher.messages),
    ended: watchers.filter(({ hasEnded }) => hasEnded).length,
    fewestEvents: events.reduce((least, count) => Math.min(least, count), Number.POSITIVE_INFINITY),
    mostEvents: events.reduce((most, count) => Math.max(most, count), 0),
  };
}
