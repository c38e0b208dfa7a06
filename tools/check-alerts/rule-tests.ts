import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const ROOT = path.resolve(import.meta.dirname, '../..');
export const RULE_FILES = globSync('ops/prometheus/*.yaml', { cwd: ROOT }).sort();
export const RULE_TEST_FILES = globSync('ops/prometheus/tests/*.yaml', { cwd: ROOT }).sort();
const SERVER_SETTINGS = 'ops/compose/observability/prometheus.yaml';

/** What Prometheus' own tool says of the rules, of their tests and of the settings of the server. Rejects with its complaints. */
export async function runRuleTests(promtool: string): Promise<string> {
  const answers = [
    await run(promtool, ['check', 'rules', '--lint=all', '--lint-fatal', ...RULE_FILES]),
    // Only the syntax: the rules lie elsewhere in the container.
    await run(promtool, ['check', 'config', '--syntax-only', '--lint=all', '--lint-fatal', SERVER_SETTINGS]),
    await run(promtool, ['test', 'rules', ...RULE_TEST_FILES]),
  ];
  return answers.join('').trim();
}

async function run(promtool: string, args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)(promtool, args, { cwd: ROOT })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`promtool ${args.slice(0, 2).join(' ')}:\n${stdout}${stderr}`, { cause: error });
  }
}
