import { writeFile } from 'node:fs/promises';
import type { FigureRow } from '../bench/figure-table.ts';
import { runClockFaults } from './clock-run.ts';
import { runNetworkFaults } from './network-run.ts';

// One of the runs of main.ts: its name, the file that gets the rows, and parts of the names of faults.

const [name, file = '', ...chosen] = process.argv.slice(2);
const rows: FigureRow[] = [];
const startedMs = performance.now();
const seconds = () => ((performance.now() - startedMs) / 1000).toFixed(0).padStart(5);
const run = name === 'network' ? runNetworkFaults : runClockFaults;
try {
  await run(chosen, {
    say: (line) => console.log(`${seconds()} s  ${line}`),
    async onRow(row) {
      rows.push(row);
      const { fault, fired, events, held, latest, recovery } = row;
      const late = `latest event ${Number(latest).toFixed(1)} s, recovered after ${Number(recovery).toFixed(1)} s`;
      console.log(`${seconds()} s  ${fault}: ${fired}; ${events} events, ${late}; held: ${held}`);
      await writeFile(file, JSON.stringify(rows));
    },
  });
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
