import type { Finding, TakeUpPoint } from '@order-events/outbox';

/** A log that has lost events which Kafka had acknowledged, and what becomes of them. */
export interface LogCut {
  readonly partition: number;
  readonly topicId: string;
  /** The topic was created again; otherwise its log was cut. */
  readonly isOtherTopic: boolean;
  /** Where the log ended when it was found. */
  readonly endOffset: bigint;
  /** As a take-up point says; `partly` also where the outbox may lack some of it. */
  readonly healed: TakeUpPoint['heals'];
  /** When the checkpoint was taken from which the relays go on. */
  readonly since: Date | undefined;
}

const REPLAY = '`outboxctl replay --since <time>` publishes what the outbox still has of it';

/** For the log of the relay. */
export function cutText(cut: LogCut): string {
  const what = cut.isOtherTopic
    ? `the topic was deleted and created again: partition ${cut.partition} has lost what was published to it`
    : `partition ${cut.partition} has lost events that Kafka had acknowledged: its log ends at offset ${cut.endOffset}`;
  return `${what}; ${healedText(cut.healed, cut.since)}`;
}

/** One for each of what becomes of them, however many partitions there are. */
export function cutFindings(cuts: readonly LogCut[]): Finding[] {
  return [...Map.groupBy(cuts, ({ healed }) => healed)].map(([healed, alike]) => {
    const partitions = alike.map(({ partition }) => partition).toSorted((a, b) => a - b);
    // Of several the last one: what is older than that may be lost.
    const since = alike.flatMap((cut) => cut.since ?? []).toSorted((a, b) => b.getTime() - a.getTime())[0];
    const text = `Kafka has lost events that it had acknowledged, in partitions ${partitions.join(', ')}; ${healedText(healed, since)}`;
    return { name: 'log-cut', severity: 'notice', text, partitions: [] };
  });
}

function healedText(healed: LogCut['healed'], since: Date | undefined): string {
  const from = since ? ` since ${since.toISOString()}` : '';
  switch (healed) {
    case 'whole':
      return 'what is missing is published again, once and in order';
    case 'partly':
      return `what was published${from} is published again, and what is older is not: ${REPLAY}`;
    case 'nothing':
      return `it is not known from where on, so nothing is published again: ${REPLAY}`;
  }
}
