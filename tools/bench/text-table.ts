import type { FigureColumn, FigureRow, FigureTable } from './figure-table.ts';

/** The table as lines of text: the first column to the left, numbers to the right. */
export function textTable(table: FigureTable): string {
  const header = table.columns.map((column) => column.label);
  const cells = [header, ...table.rows.map((row) => table.columns.map((column) => cell(row, column)))];
  const widths = header.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  const lines = cells.map((line) =>
    line
      .map((text, index) => (index === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '─'.repeat(width)).join('──'));
  const notes = table.notes.map((note) => `· ${note}`);
  return [`\n── ${table.title}`, ...[...lines, ...notes].map((line) => `  ${line}`)].join('\n');
}

function cell(row: FigureRow, { key, digits = 0 }: FigureColumn): string {
  const value = row[key];
  if (value === undefined) return '–';
  if (typeof value === 'string') return value;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
