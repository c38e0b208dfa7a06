/** A quarter of what clients take by default. An item may be as large as a request may be, so one always fits. */
const MAX_PAGE_BYTES = 1024 * 1024;

/** The items of one answer. */
export interface Page<Item> {
  readonly items: Item[];
  /** Whether items were left for the next page. */
  readonly isCut: boolean;
}

/** As many of the first items as an answer may have, by number and by bytes; at least one of them. */
export function fillPage<Item>(
  items: Iterable<Item>,
  maxItems: number,
  bytesOf: (item: Item) => number,
  maxBytes = MAX_PAGE_BYTES,
): Page<Item> {
  const page: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    bytes += bytesOf(item);
    if (page.length === maxItems || (page.length > 0 && bytes > maxBytes))
      return { items: page, isCut: true };
    page.push(item);
  }
  return { items: page, isCut: false };
}
