import type { ListFilter } from './order-list.ts';

/** `token`: undefined while the list is not read to its end. The filter is in it as a number, so that another one lists anew. */
export function followCheckpoint(token: string | undefined, filter: ListFilter): string {
  return `follow1.${markOf(filter)}.${token ?? ''}`;
}

/** Where to go on; undefined: with the list. */
export function tokenOfCheckpoint(checkpoint: string, filter: ListFilter): string | undefined {
  const start = followCheckpoint(undefined, filter);
  if (!checkpoint.startsWith('follow1.')) {
    throw new RangeError('the checkpoint is none of followOrders: give one that it has told, or none');
  }
  return checkpoint.startsWith(start) ? checkpoint.slice(start.length) || undefined : undefined;
}

/** FNV-1a of the filter's values, in whatever order. Against mistakes, not against anybody. */
function markOf({ statuses = [], orderIds = [], customerIds = [] }: ListFilter): string {
  const text = JSON.stringify(
    [statuses, orderIds, customerIds].map((values) => [...new Set<string>(values)].sort()),
  );
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(36);
}
