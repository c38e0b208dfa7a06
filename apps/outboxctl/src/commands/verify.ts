import { parsePositive } from '../argument-value.ts';
import type { Command } from '../command.ts';
import { CommandError, EXIT } from '../outcome.ts';
import { auditOutbox, type OutboxAudit } from '../outbox-audit.ts';
import { listPartitions } from '../partition-store.ts';
import { coloured } from '../terminal.ts';
import { textTable } from '../text-table.ts';

export const verify: Command = {
  name: 'verify',
  summary: 'Compare the retained outbox with the topic',
  details:
    'Reads the whole topic and the whole outbox, while relays go on. Ends with 1 when an event is missing from the topic, is\n' +
    'there twice (replays apart), or stands behind a later one of its key.',
  options: {
    samples: { type: 'string', value: 'n', help: 'how many of each fault to name (default 20)' },
  },
  examples: ['verify', 'verify --json | jq .missing'],
  async run(call) {
    const samples = parsePositive('--samples', call.flags.text('samples') ?? '20');
    if ((await listPartitions(call.database)).length === 0) {
      throw new CommandError(
        'no partitions are known yet: no relay has found the topic, so nothing is published',
      );
    }
    const audit = await auditOutbox(call.database, call.topic.reader(), {
      samples,
      signal: call.signal,
      onProgress: (text) => call.terminal.progress(text),
    });
    const faults = audit.rows.missing + audit.doubled + audit.outOfOrder;
    call.terminal.answer(auditJson(call.topic.name, audit, faults), auditText(audit, faults));
    if (audit.rows.missing > 0) {
      call.terminal.say(
        'missing events are published again by outboxctl rebase, or all since a time by outboxctl replay',
      );
    }
    return faults === 0 ? EXIT.ok : EXIT.failed;
  },
};

function auditJson(topic: string, audit: OutboxAudit, faults: number) {
  return {
    ok: faults === 0,
    topic,
    ...audit.rows,
    doubled: audit.doubled,
    out_of_order: audit.outOfOrder,
    topic_records: audit.records.events,
    replayed_records: audit.records.replays,
    foreign_records: audit.records.foreign,
    only_in_topic: audit.onlyInTopic,
    samples: {
      missing: audit.samples.missing,
      doubled: audit.samples.doubled,
      out_of_order: audit.samples.outOfOrder,
    },
  };
}

function auditText(audit: OutboxAudit, faults: number): string {
  const { rows, records, samples } = audit;
  const parts = [
    textTable(
      ['EVENTS OF THE OUTBOX', 'COUNT'],
      [
        ['published', rows.published],
        ['pending (beyond the cursor)', rows.pending],
        ['parked', rows.parked],
        ['discarded', rows.discarded],
        ['older than the topic', rows.expired],
        ['missing', rows.missing],
      ],
    ),
    textTable(
      ['RECORDS OF THE TOPIC', 'COUNT'],
      [
        ['of events', records.events],
        ['of these, replays', records.replays],
        ['events without a row', audit.onlyInTopic],
        ['not of a relay', records.foreign],
        ['events doubled', audit.doubled],
        ['events out of order', audit.outOfOrder],
      ],
    ),
  ];
  if (samples.missing.length > 0) {
    const cells = samples.missing.map((one) => [
      one.event_id,
      one.key,
      one.seq,
      one.partition,
      one.created_at.toISOString(),
    ]);
    parts.push(textTable(['MISSING', 'KEY', 'SEQ', 'PARTITION', 'CREATED AT'], cells));
  }
  if (samples.doubled.length > 0) {
    const cells = samples.doubled.map((one) => [
      one.event_id,
      one.replay_id ?? undefined,
      one.partitions.map((partition, index) => `${partition}/${one.log_offsets[index]}`).join(' '),
    ]);
    parts.push(textTable(['DOUBLED', 'REPLAY', 'PARTITION/OFFSET'], cells));
  }
  if (samples.outOfOrder.length > 0) {
    const cells = samples.outOfOrder.map((one) => [
      one.event_id,
      one.key,
      one.seq,
      one.after_seq,
      `${one.partition}/${one.log_offset}`,
    ]);
    parts.push(textTable(['OUT OF ORDER', 'KEY', 'SEQ', 'STANDS AFTER SEQ', 'PARTITION/OFFSET'], cells));
  }
  parts.push(
    faults === 0
      ? coloured('green', 'nothing is missing, doubled or out of order')
      : coloured('red', 'not as it must be'),
  );
  return parts.join('\n\n');
}
