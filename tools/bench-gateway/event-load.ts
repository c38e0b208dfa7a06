import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A stretch of load: event n is due `n / eventsPerSecond` after the start, whatever became of the others. */
export interface EventPhase {
  readonly eventsPerSecond: number;
  readonly count: number;
}

export type EventAnswer =
  | { readonly kind: 'ready' }
  /** How late the load itself was, at most. */
  | { readonly kind: 'produced'; readonly mostLateMs: number }
  | { readonly kind: 'failed'; readonly error: string };

export interface EventLoad {
  readonly pid: number;
  /** Resolves when all events of the phase are in the topic. */
  run(phase: EventPhase): Promise<{ mostLateMs: number }>;
  stop(): Promise<void>;
}

/** Starts the process that produces events as the relay does, of orders of so many customers, and waits until it is connected. */
export async function startEventLoad(
  brokers: readonly string[],
  topic: string,
  customers: number,
): Promise<EventLoad> {
  // kafkajs 2.2.4 sets timers to negative times, of which Node would warn.
  const child = fork(join(import.meta.dirname, 'event-load-main.ts'), [topic, `${customers}`, ...brokers], {
    execArgv: ['--no-warnings'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('could not run the event load');
  const exited = once(child, 'exit').then(() => {
    throw new Error('the event load has ended');
  });
  exited.catch(() => undefined);
  const answer = async (): Promise<{ mostLateMs: number }> => {
    const [message] = await Promise.race([once(child, 'message'), exited]);
    // The other side is event-load-main.ts, which sends nothing else.
    const said = message as EventAnswer;
    if (said.kind === 'failed') throw new Error(`the event load failed: ${said.error}`);
    return { mostLateMs: said.kind === 'produced' ? said.mostLateMs : 0 };
  };
  await answer();
  return {
    pid,
    run(phase) {
      child.send(phase);
      return answer();
    },
    async stop() {
      if (child.connected) child.disconnect();
      await exited.catch(() => undefined);
    },
  };
}
