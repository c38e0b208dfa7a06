import { CONSUMER_FAULTS } from './consumer-faults.ts';
import { MAY_BE_EMPTY } from './empty-series.ts';
import { EVENT_FAULTS } from './event-faults.ts';
import { runFault, untilQuiet } from './fault-run.ts';
import { alertQueries, panelQueries, readRuleFile } from './named-queries.ts';
import { type ObservedSystem, startObservedSystem } from './observed-system.ts';
import { PROCESS_FAULTS } from './process-faults.ts';
import { installPrometheus } from './prometheus-programs.ts';
import { type PrometheusServer, startPrometheus } from './prometheus-server.ts';
import { askAll } from './query-answers.ts';
import { RULE_FILES, runRuleTests } from './rule-tests.ts';
import { shortenedRules } from './shortened-rules.ts';

/** Parts of their names choose among the faults; without any, all are injected. */
const chosen = process.argv.slice(2);
const FAULTS = [...EVENT_FAULTS, ...CONSUMER_FAULTS, ...PROCESS_FAULTS].filter(
  ({ name }) => chosen.length === 0 || chosen.some((part) => name.includes(part)),
);

const startedMs = performance.now();
const say = (line: string) =>
  console.log(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(4)} s  ${line}`);

let observed: ObservedSystem | undefined;
let server: PrometheusServer | undefined;
try {
  const { prometheus, promtool } = await installPrometheus(say);
  console.log(await runRuleTests(promtool));
  observed = await startObservedSystem(say);
  const rules = RULE_FILES.map((file) => shortenedRules(readRuleFile(file)));
  server = await startPrometheus({ program: prometheus, targets: observed.targets, rules });
  say(`Prometheus is at ${server.url}`);
  const processes = Object.keys(observed.targets).length;
  await untilQuiet(server, processes);
  say('orders are placed, watched and consumed, and no alert fires');
  for (const fault of FAULTS) {
    const { firedAfterSeconds, clearedAfterSeconds, others } = await runFault(fault, observed, server);
    const times = `${firedAfterSeconds.toFixed(0)} s, cleared ${clearedAfterSeconds.toFixed(0)} s after it was mended`;
    say(`${fault.name}: ${fault.alerts.join(', ')} fired after ${times}`);
    if (others.length > 0) say(`  so did ${others.join(', ')}`);
  }
  await untilQuiet(server, processes);
  say('no alert fires any more');
  await reportAnswers(server);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await server?.stop();
  await observed?.stop();
}

async function reportAnswers(asked: PrometheusServer): Promise<void> {
  const queries = [...panelQueries(), ...alertQueries()];
  const { faults, empty } = await askAll(asked, queries);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
  else say(`${queries.length} queries of panels and alerts are answered`);
  for (const selector of empty) say(`  without a series: ${selector}: ${MAY_BE_EMPTY.get(selector) ?? ''}`);
}
