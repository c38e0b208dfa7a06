import type { PublishableEvent, PublishOutcome } from '@order-events/domain';
import { eventBatches } from './event-batches.ts';
import type { AppendResult, LogWriter } from './log-writer.ts';

const HELD: PublishOutcome = { kind: 'held' };

/**
 * Publishes events of one partition in order, batch after batch, with one outcome for each. The first event that is not published
 * ends it: the later ones are held. A batch that is refused is halved until the event at fault is alone.
 *
 * `nextOffset` is the offset that the log must give the first event, as nobody else writes there. The returned one is for the next
 * call; it is undefined when the partition has to be claimed again.
 */
export async function publishInOrder(
  writer: Pick<LogWriter, 'append'>,
  partition: number,
  events: readonly PublishableEvent[],
  nextOffset: bigint,
  signal: AbortSignal,
): Promise<{ outcomes: PublishOutcome[]; nextOffset: bigint | undefined }> {
  const outcomes: PublishOutcome[] = [];
  const unsent = [...eventBatches(events)].toReversed();
  let expected: bigint | undefined = nextOffset;
  for (let batch = unsent.pop(); batch; batch = unsent.pop()) {
    const result = checkOffset(await writer.append(partition, batch, signal), expected);
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

function checkOffset(result: AppendResult, expected: bigint): AppendResult {
  if (result.kind !== 'appended' || result.baseOffset === expected) return result;
  const why =
    result.baseOffset > expected
      ? 'a second writer appends to the partition'
      : 'the log was truncated or the topic created again';
  return {
    kind: 'unknown',
    reason: `the events got offset ${result.baseOffset} instead of ${expected}: ${why}`,
  };
}
