import assert from 'node:assert/strict';
import { textOf } from './fault-world.ts';

/** What somebody is told of one moment, wherever he looks. */
export interface Figures {
  readonly pending: number;
  readonly estimated: boolean;
  /** As it is written, without spaces. */
  readonly oldest: string;
  /** How many are alive. */
  readonly relays: number;
  readonly parkedKeys: number;
  readonly partitions: readonly PartitionFigures[];
}

export interface PartitionFigures {
  readonly partition: number;
  readonly pending: number;
  readonly mode: string;
  /** Undefined when nobody has it by a valid lease. */
  readonly owner: string | undefined;
  readonly paging: boolean;
}

/** The page `/status`, read as a person reads it. */
export function figuresOfPage(page: string): Figures & { readonly relayIds: readonly string[] } {
  const figure = (name: string) => {
    const [, value] = new RegExp(`<dt>${name}</dt>\\s*<dd>([^<]*)`).exec(page) ?? [];
    assert.ok(value !== undefined, `the page shows no ${name}`);
    return value.trim();
  };
  const backlog = figure('backlog');
  return {
    pending: numberOf(backlog.replace('≈', '')),
    estimated: backlog.startsWith('≈'),
    oldest: figure('oldest pending'),
    relays: numberOf(figure('relays')),
    parkedKeys: numberOf(figure('parked keys')),
    partitions: rowsOf(page, 'Partitions').map(
      ([partition = '', owner = '', , mode = '', , , pending = '']) => ({
        partition: numberOf(partition),
        pending: numberOf(pending),
        mode: mode.replace(', in pages', ''),
        owner: /^–$|no owner|lease ran out/.test(owner) ? undefined : owner,
        paging: mode.endsWith(', in pages'),
      }),
    ),
    relayIds: rowsOf(page, 'Relays').map(([id = '']) => id),
  };
}

/** Cells of the table under a heading, without those of its first row. */
function rowsOf(page: string, heading: string): string[][] {
  const [, table = ''] = new RegExp(`<h2>\\s*${heading}.*?<table>(.*?)</table>`, 's').exec(page) ?? [];
  const rows = [...table.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = '']) =>
    [...row.matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map(([, cell = '']) => textOf(cell).trim()),
  );
  return rows.filter((cells) => cells.length > 1);
}

const numberOf = (text: string): number => Number(text.replaceAll(/[,\s]/g, ''));

/** Samples by name and labels, but for the one that all of them have. */
export function samplesOf(metrics: string): ReadonlyMap<string, number> {
  const samples = [...metrics.matchAll(/^(\w+)\{(?:(.*),)?service="relay"\} (\S+)$/gm)];
  return new Map(
    samples.map(([, name = '', labels, value]) => [labels ? `${name}{${labels}}` : name, Number(value)]),
  );
}
