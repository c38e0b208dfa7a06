import { parsePositive } from '../argument-value.ts';
import { readPartitions } from '@order-events/outbox';
import { auditOutbox, type OutboxAudit } from '@order-events/outbox/repair';
import type { Command } from '../command.ts';
import { refuseForeignCursors } from '../identity-check.ts';
import { CommandError, EXIT } from '../outcome.ts';
import { coloured } from '../terminal.ts';
import { textTable } from '../text-table.ts';
import { refuseHarmfulSettings } from '../topic-settings.ts';
import { unreadableJson, unreadableText } from '../unreadable-parts.ts';

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
    if ((await readPartitions(call.pool)).length === 0) {
      throw new CommandError(
        'no partitions are known yet: no relay has found the topic, so nothing is published',
      );
    }
    await refuseForeignCursors(call);
    await refuseHarmfulSettings(call);
    const audit = await auditOutbox(call.pool, call.topic.reader(), {
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
    unreadable_batches: unreadableJson(audit.records.unreadable),
    samples: {
      missing: audit.samples.missing.map((one) => ({
        event_id: one.eventId,
        key: one.key,
        seq: one.seq,
        partition: one.partition,
        created_at: one.createdAt,
      })),
      doubled: audit.samples.doubled.map((one) => ({
        event_id: one.eventId,
        replay_id: one.replayId ?? null,
        partitions: one.partitions,
        log_offsets: one.logOffsets,
      })),
      out_of_order: audit.samples.outOfOrder.map((one) => ({
        event_id: one.eventId,
        key: one.key,
        seq: one.seq,
        partition: one.partition,
        log_offset: one.logOffset,
        after_seq: one.afterSeq,
      })),
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
  parts.push(...unreadableText(records.unreadable));
  if (samples.missing.length > 0) {
    const cells = samples.missing.map((one) => [
      one.eventId,
      one.key,
      one.seq,
      one.partition,
      one.createdAt.toISOString(),
    ]);
    parts.push(textTable(['MISSING', 'KEY', 'SEQ', 'PARTITION', 'CREATED AT'], cells));
  }
  if (samples.doubled.length > 0) {
    const cells = samples.doubled.map((one) => [
      one.eventId,
      one.replayId,
      one.partitions.map((partition, index) => `${partition}/${one.logOffsets[index]}`).join(' '),
    ]);
    parts.push(textTable(['DOUBLED', 'REPLAY', 'PARTITION/OFFSET'], cells));
  }
  if (samples.outOfOrder.length > 0) {
    const cells = samples.outOfOrder.map((one) => [
      one.eventId,
      one.key,
      one.seq,
      one.afterSeq,
      `${one.partition}/${one.logOffset}`,
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
