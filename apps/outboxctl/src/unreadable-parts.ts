import type { UnreadableBatchError } from '@order-events/messaging';
import { textTable } from './text-table.ts';

/** Parts of the topic that cannot be read, for programs. */
export function unreadableJson(parts: readonly UnreadableBatchError[]) {
  return parts.map(({ partition, offset, nextOffset, kind }) => ({
    partition,
    offset: String(offset),
    next_offset: String(nextOffset),
    kind,
  }));
}

/** The same for people; nothing when there are none. */
export function unreadableText(parts: readonly UnreadableBatchError[]): string[] {
  if (parts.length === 0) return [];
  const cells = parts.map(({ partition, offset, nextOffset, kind }) => [
    partition,
    `${offset}`,
    `${nextOffset}`,
    kind,
  ]);
  return [textTable(['CANNOT BE READ: PARTITION', 'FROM', 'UP TO', 'WHY'], cells)];
}
