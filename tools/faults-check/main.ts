import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { FigureRow } from '../bench/figure-table.ts';
import { textTable } from '../bench/text-table.ts';
import { prepareKafka } from '../stack/index.ts';
import { FAULT_COLUMNS } from './fault-row.ts';
import { findFaketime } from './faked-clock.ts';
import { missingNeeds } from './machine-needs.ts';
import { faultReport } from './fault-report.ts';

// Breaks the network between processes, and the clocks of processes, under load. Ends with 1 when a promise is broken, when a fault did not
// fire, and where this machine cannot do it.

const EVERYTHING = 'network,clocks';
const { values, positionals: chosen } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: EVERYTHING },
    report: { type: 'string' },
  },
});
/** Each in a process of its own: that of the network is in a namespace that nobody else uses, so that nothing of it is left. */
const RUNS = {
  network: { title: 'Faults of the network', command: ['unshare', '--net', process.execPath] },
  clocks: { title: 'Clocks', command: [process.execPath] },
} as const;

const missing = await missingNeeds();
if (missing.length > 0) {
  console.error(`Faults cannot be made on this machine: ${missing.join('; ')}.`);
  process.exitCode = 1;
} else {
  const tables = await runAll();
  if (values.report) {
    const former = await readFile(values.report, 'utf8').catch(() => '');
    await writeFile(values.report, faultReport(former, tables, commandText()));
  }
}

function commandText(): string {
  const faults = [...chosen, ...(values.only === EVERYTHING ? [] : [`--only ${values.only}`])].join(' ');
  return faults ? `make faults-check FAULTS='${faults}'` : 'make faults-check';
}

async function runAll() {
  await prepareKafka();
  await findFaketime();
  const tables = [];
  for (const [name, { title, command }] of Object.entries(RUNS)) {
    if (!values.only.split(',').includes(name)) continue;
    const rows = await runOne(name, command);
    if (!rows || rows.some(({ held }) => held !== 'yes')) process.exitCode = 1;
    if (!rows || rows.length === 0) continue;
    const table = { title, columns: FAULT_COLUMNS, rows, notes: [] };
    console.log(textTable(table));
    tables.push(table);
  }
  return tables;
}

/** The rows as far as it came. */
async function runOne(name: string, command: readonly string[]): Promise<FigureRow[] | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'faults-check-'));
  const file = join(folder, 'rows.json');
  const [program, ...args] = [...command, join(import.meta.dirname, 'run-main.ts'), name, file];
  try {
    const child = spawn(program, [...args, ...chosen], { stdio: 'inherit' });
    const [code] = await once(child, 'exit');
    if (code !== 0) process.exitCode = 1;
    return JSON.parse(await readFile(file, 'utf8')) as FigureRow[];
  } catch (error) {
    console.error(error);
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
