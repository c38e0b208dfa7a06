import type { PublishableEvent, PublishOutcome } from '@order-events/domain';
import { eventBatches } from './event-batches.ts';
import type { AppendResult } from './append-result.ts';
import type { LogWriter } from './log-writer.ts';
import type { PublishObserver } from './publish-observer.ts';

const HELD: PublishOutcome = { kind: 'held' };

/**
 * Publishes events of one partition in order, batch after batch, with one outcome for each. The first event that is not published
 * ends it: the later ones are held. A batch that is refused is halved until the event at fault is alone.
 *
 * `nextOffset` is the offset that the log must give the first event, as nobody else writes there. The returned one is for the next
 * call; it is undefined when the partition has to be claimed again. Any other offset is told to `observer`.
 */
export async function publishInOrder(options: {
  writer: Pick<LogWriter, 'append'>;
  partition: number;
  events: readonly PublishableEvent[];
  nextOffset: bigint;
  observer?: PublishObserver | undefined;
  signal: AbortSignal;
}): Promise<{ outcomes: PublishOutcome[]; nextOffset: bigint | undefined }> {
  const { partition, events } = options;
  const outcomes: PublishOutcome[] = [];
  const unsent = [...eventBatches(events)].toReversed();
  let expected: bigint | undefined = options.nextOffset;
  for (let batch = unsent.pop(); batch; batch = unsent.pop()) {
    const appended = await options.writer.append(partition, batch, options.signal, expected);
    const result = checkOffset(appended, expected, (offsets) =>
      options.observer?.unexpectedOffset?.(partition, offsets),
    );
    if (result.kind === 'appended') {
      for (let count = batch.length; count > 0; count -= 1) {
        outcomes.push({ kind: 'published', offset: expected });
        expected += 1n;
      }
    } else if (result.kind === 'refused' && batch.length > 1) {
      const middle = batch.length >> 1;
      unsent.push(batch.slice(middle), batch.slice(0, middle));
    } else {
      if (result.kind === 'refused') outcomes.push(result);
      if (result.kind === 'unknown') {
        for (let count = batch.length; count > 0; count -= 1) outcomes.push(result);
        expected = undefined;
      }
      break;
    }
  }
  while (outcomes.length < events.length) outcomes.push(HELD);
  return { outcomes, nextOffset: expected };
}

function checkOffset(
  result: AppendResult,
  expected: bigint,
  onUnexpected: (offsets: { expected: bigint; found: bigint }) => void,
): AppendResult {
  if (result.kind !== 'appended' || result.baseOffset === expected) return result;
  onUnexpected({ expected, found: result.baseOffset });
  const why =
    result.baseOffset > expected
      ? 'a second writer appends to the partition'
      : 'the log was truncated or the topic created again';
  return {
    kind: 'unknown',
    reason: `the events got offset ${result.baseOffset} instead of ${expected}: ${why}`,
  };
}
