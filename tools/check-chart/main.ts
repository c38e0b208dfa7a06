import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { alertRuleFaults } from './alert-rules.ts';
import { type ChartTools, installChartTools } from './chart-tools.ts';
import type { Manifest } from './manifest.ts';
import { schemaFaults } from './schema-validation.ts';
import { settingsFaults } from './settings-rules.ts';
import { workloadFaults } from './workload-rules.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const CHART = path.join(ROOT, 'ops/helm/order-events');

/** Renders the chart with each example of values and looks at the result. Answers with the faults and the number of objects. */
async function checkExample(
  tools: ChartTools,
  values: string,
  folder: string,
): Promise<{ faults: string[]; objects: number }> {
  await promisify(execFile)(tools.helm, ['lint', '--strict', CHART, '--values', values]);
  const args = ['template', 'orders', CHART, '--namespace', 'orders', '--values', values];
  const { stdout } = await promisify(execFile)(tools.helm, args, { maxBuffer: 64 * 1024 * 1024 });
  const file = path.join(folder, path.basename(values));
  await writeFile(file, stdout);
  const manifests = parseAllDocuments(stdout)
    .map((document): Manifest | null => document.toJS())
    .filter((manifest) => manifest !== null);
  const faults = [
    ...workloadFaults(manifests),
    ...settingsFaults(manifests),
    ...alertRuleFaults(manifests, ROOT),
    ...(await schemaFaults(tools, file, manifests)),
  ];
  return { faults: faults.map((fault) => `${path.basename(values)}: ${fault}`), objects: manifests.length };
}

const folder = await mkdtemp(path.join(tmpdir(), 'chart-'));
try {
  const tools = await installChartTools(console.log);
  const examples = globSync(path.join(CHART, 'examples/*.yaml')).sort();
  const results = await Promise.all(examples.map((values) => checkExample(tools, values, folder)));
  const faults = results.flatMap((result) => result.faults);
  const objects = results.reduce((sum, result) => sum + result.objects, 0);
  for (const fault of faults) console.error(fault);
  if (examples.length === 0) console.error('no example of values found');
  if (examples.length === 0 || faults.length > 0) process.exitCode = 1;
  else console.log(`chart: ${objects} objects of ${examples.length} examples are right`);
} catch (error) {
  const { message, stdout = '' } = error as Error & { stdout?: string };
  console.error(`${message}\n${stdout}`.trim());
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true });
}
