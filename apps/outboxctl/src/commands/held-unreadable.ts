import type { UnreadableHeldRecord } from '@order-events/order-stream';
import { counted, textTable } from '../text-table.ts';

export function unreadableText(
  subscription: string,
  unreadable: readonly UnreadableHeldRecord[],
  count: bigint,
): string {
  const table = textTable(
    ['PARTITION', 'OFFSET', 'EVENT', 'REASON'],
    unreadable.map(({ partition, offset, eventId, reason }) => [partition, offset, eventId || '-', reason]),
  );
  return [
    `${counted(count, 'record')} cannot be read; while one is of an event, the share of its partition waits:`,
    table,
    `see the runbook, GatewayHeldUnreadable; outboxctl held discard-unreadable ${subscription} <partition> <offset> gives one up`,
  ].join('\n');
}

export function unreadableJson({ partition, offset, eventId, reason }: UnreadableHeldRecord) {
  return { partition, offset, event_id: eventId || null, reason };
}
