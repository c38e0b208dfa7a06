export type Cell = string | number | bigint | undefined;

/** Columns under headings, numbers to the right, two spaces between; an absent value is a dash. */
export function textTable(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = [headings, ...rows].map((row) => headings.map((_, column) => cellText(row[column])));
  const widths = headings.map((_, column) => Math.max(...texts.map((row) => (row[column] ?? '').length)));
  const toTheRight = headings.map((_, column) =>
    rows.some((row) => typeof row[column] === 'number' || typeof row[column] === 'bigint'),
  );
  return texts
    .map((row) =>
      row
        .map((text, column) => {
          const width = widths[column] ?? 0;
          return toTheRight[column] ? text.padStart(width) : text.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `1 event`, `3 events` */
export function counted(count: number | bigint, noun: string): string {
  return `${count} ${noun}${Number(count) === 1 ? '' : 's'}`;
}

/** In one line: whatever a row holds must not break a table, nor reach the terminal as a control sequence. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\s]+/gu, ' ');
}

function cellText(cell: Cell): string {
  if (cell === undefined || cell === '') return '-';
  return printable(String(cell));
}
