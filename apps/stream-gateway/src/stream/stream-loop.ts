import { setImmediate as nextTurn } from 'node:timers/promises';

/** What the streams of a call do that others do not. */
export interface StreamSteps<Message> {
  started(): Message;
  /** The message that is due now; undefined when there is none. Throws a StreamError when the stream must end. */
  next(): Message | undefined;
  /** Whether a stream for which nothing is due has done what it was opened for. */
  isFinished(): boolean;
  /** Whether `next` stopped only to let others work. */
  hasMore(): boolean;
  /** Waits while there is nothing to do for `next`. */
  wait(signal: AbortSignal): Promise<void>;
}

/** Every open stream: one message after the other, as the client takes them. Ends when it is finished or `signal` aborts. */
export async function* runStream<Message>(
  steps: StreamSteps<Message>,
  signal: AbortSignal,
): AsyncGenerator<Message, void, undefined> {
  yield steps.started();
  while (!signal.aborted) {
    const message = steps.next();
    if (message) yield message;
    else if (steps.isFinished()) return;
    else if (steps.hasMore()) await nextTurn();
    else await steps.wait(signal);
  }
}
