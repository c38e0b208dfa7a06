import type { FigureColumn, FigureRow, FigureTable } from '../bench/figure-table.ts';
import { machineLoad, machineText, thisMachine } from '../bench/machine.ts';

/** A page of what runs saw; tables that this run did not make stay as they were in the former page. */
export function faultReport(former: string, tables: readonly FigureTable[], command: string): string {
  const machine = thisMachine();
  const date = new Date().toISOString().slice(0, 10);
  const load = `${machineLoad().toFixed(0)} processes that wanted a core at its end`;
  const made = `By \`${command}\` on ${date}, on ${machineText(machine)}, ${load}; Node ${machine.node}.`;
  const sections = new Map(
    former
      .split(/^## /m)
      .slice(1)
      .map((text) => [text.split('\n', 1)[0], text.trim()]),
  );
  for (const { title, columns, rows } of tables)
    sections.set(title, `${title}\n\n${made}\n\n${markdownTable(columns, rows)}`);
  return ['# Runs of faults', ABOUT, ...Array.from(sections.values(), (text) => `## ${text}`)]
    .join('\n\n')
    .concat('\n');
}

const ABOUT = `Written by \`make faults-check\` with \`--report\`; do not edit. What is broken, and how it is judged, is in [testing.md](testing.md#faults-of-the-network-and-clocks). \`lost\`, \`doubled\` and \`out of order\` are the
worst of the topic, two watchers and a subscription; \`given again\` is what the subscription was sent a second time, as it may be. The longest
silence is that of the one who had it longest; the latest event is the one with the longest time from the answer to the request until all had
it; recovery is counted from when the fault was mended, or for clocks from when it was in force.`;

function markdownTable(columns: readonly FigureColumn[], rows: readonly FigureRow[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map(({ label }) => label)),
    line(
      columns.map(({ key }, index) => (index === 0 || key === 'fired' || key === 'held' ? '---' : '---:')),
    ),
    ...rows.map((row) => line(columns.map((column) => cell(row, column)))),
  ].join('\n');
}

function cell(row: FigureRow, { key, digits = 0 }: FigureColumn): string {
  const value = row[key] ?? '';
  return typeof value === 'string' ? value : value.toFixed(digits);
}
