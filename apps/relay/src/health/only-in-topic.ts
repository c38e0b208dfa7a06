import type { Logger } from '@order-events/runtime';
import type { RelayMetrics } from '../relay-metrics.ts';
import type { FindingBoard } from './finding-board.ts';
import { createPastFindings } from './past-findings.ts';

const MAX_TOLD_IDS = 100;
const TEXT =
  'the database has lost commits, as in a failover to a standby that lacked them, or these were requeued or dropped meanwhile; ' +
  'the relays name them in the log, `outboxctl verify` counts all such events as only_in_topic';

/** Tells of events that the topic has and the outbox does not. Consumers have seen them: what is to become of them is for a person to say. */
export function createOnlyInTopic(options: {
  readonly board: FindingBoard;
  readonly metrics: Pick<RelayMetrics, 'onlyInTopic'>;
  readonly log: Logger;
}): (partition: number, eventIds: readonly string[]) => void {
  const { board, metrics, log } = options;
  const past = createPastFindings<{ readonly partition: number; readonly events: number }>((happened) => {
    const events = happened.reduce((sum, one) => sum + one.events, 0);
    const partitions = happened.map(({ partition }) => partition).toSorted((a, b) => a - b);
    const text = `the topic holds events that the outbox does not, ${events} in partitions ${partitions.join(', ')}: ${TEXT}`;
    board.put(
      'only in topic',
      events === 0 ? [] : [{ name: 'only-in-topic', severity: 'notice', text, partitions: [] }],
    );
  });
  return (partition, eventIds) => {
    const events = eventIds.length;
    metrics.onlyInTopic.inc(events);
    past.set(partition, { partition, events: events + (past.of(partition)?.events ?? 0) });
    const fields = { partition, events, onlyInTopic: eventIds.slice(0, MAX_TOLD_IDS) };
    log.warn(fields, `the topic holds events that the outbox does not: ${TEXT}`);
  };
}
