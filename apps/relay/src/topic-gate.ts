import {
  createBackoff,
  createRunningPart,
  createSparingWarn,
  type Logger,
  type Part,
  reasonOf,
  sleep,
} from '@order-events/runtime';

/** Whether the relay may publish: to how many partitions, or why not and what an operator can do about it. */
export type Verdict =
  | { readonly kind: 'open'; readonly partitionCount: number }
  | { readonly kind: 'halted'; readonly reason: string };

/** What the gate has come to; `waiting`: what it has to look at is away, and no relay runs yet. */
export type GateState =
  { readonly kind: 'open' } | { readonly kind: 'halted' | 'waiting'; readonly reason: string };

export interface TopicGateOptions {
  /** Compares the database and the topic with what the stored cursors are about; rejects while one of them is away. */
  readonly inspect: (signal: AbortSignal) => Promise<Verdict>;
  readonly createRelay: (partitionCount: number) => Part;
  /** Must not throw. Told after each look. */
  readonly onState: (state: GateState) => void;
  readonly log: Logger;
  readonly checkIntervalMs: number;
}

export interface TopicGate extends Part {
  /** Why nothing is published until an operator has decided; undefined when all is well. */
  haltReason(): string | undefined;
  /** Looks again now: something does not fit. */
  recheck(): void;
}

/**
 * Runs the relay while the database and the topic are those that the stored cursors belong to. Until both are there events stay in
 * the outbox; the process is up and says so. Where they do not fit (a restored database, another number of partitions) nothing is
 * published, because every guess would lose or double events; an operator's command makes them fit, and publishing goes on by itself.
 */
export function createTopicGate(options: TopicGateOptions): TopicGate {
  const { log } = options;
  const warn = createSparingWarn(log);
  const backoff = createBackoff({ baseMs: 100, maxMs: 1000 });
  let relay: { readonly part: Part; readonly partitionCount: number } | undefined;
  let haltReason: string | undefined;
  let asked = new AbortController();

  async function stopRelay(): Promise<void> {
    const running = relay;
    relay = undefined;
    await running?.part.stop();
  }

  async function startRelay(partitionCount: number, stopping: AbortSignal): Promise<void> {
    const part = options.createRelay(partitionCount);
    relay = { part, partitionCount };
    await part.start(stopping);
  }

  async function halt(reason: string): Promise<void> {
    if (haltReason !== reason) log.error({ reason }, `halted, nothing is published: ${reason}`);
    haltReason = reason;
    options.onState({ kind: 'halted', reason });
    await stopRelay();
  }

  async function open(partitionCount: number, stopping: AbortSignal): Promise<void> {
    if (haltReason !== undefined) log.info({ partitionCount }, 'database and topic fit again');
    haltReason = undefined;
    options.onState({ kind: 'open' });
    if (relay?.partitionCount === partitionCount) return;
    await stopRelay();
    await startRelay(partitionCount, stopping);
  }

  async function check(stopping: AbortSignal): Promise<void> {
    try {
      const verdict = await options.inspect(stopping);
      if (verdict.kind === 'halted') await halt(verdict.reason);
      else await open(verdict.partitionCount, stopping);
      backoff.reset();
      await sleep(options.checkIntervalMs, AbortSignal.any([stopping, asked.signal]));
    } catch (error) {
      if (stopping.aborted) return;
      // A relay that runs knows by itself how to wait.
      if (!relay && haltReason === undefined) {
        options.onState({ kind: 'waiting', reason: reasonOf(error) });
        warn({ reason: error }, 'Kafka, its topic or the database is not there yet; holding the events');
      }
      await sleep(backoff.nextDelayMs(), stopping);
    }
    if (asked.signal.aborted) asked = new AbortController();
  }

  const part = createRunningPart(
    'relay',
    async (stopping) => {
      while (!stopping.aborted) await check(stopping);
    },
    stopRelay,
  );
  return {
    ...part,
    haltReason: () => haltReason,
    recheck: () => asked.abort(),
  };
}
