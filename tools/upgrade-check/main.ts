import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { committedChanges } from '../../test/harness/committed-changes.ts';
import { eventually } from '../../test/harness/eventually.ts';
import { hasReadAll } from '../../test/watch-validation/read-to-end.ts';
import { readTopicLog } from '../../test/watch-validation/read-topic-log.ts';
import { machineText, thisMachine } from '../bench/machine.ts';
import { ORDER_TOPIC } from '../stack/order-system.ts';
import { startOrderWrites } from './order-writes.ts';
import { checkOutRelease, previousRelease } from './release-checkout.ts';
import { startReleaseClients } from './release-clients.ts';
import { type Release, startReplicas } from './replicas.ts';
import { printFigures, printViolations, printWays } from './upgrade-report.ts';
import { type Phase, runUpgrade } from './upgrade-run.ts';
import { startUpgradeSystem } from './upgrade-system.ts';
import { figuresOf, violationsIn } from './upgrade-verdict.ts';

// The release before and this one side by side, under load, from old to new and back. Ends with 1 when a promise is broken.

const WORKERS = 8;
const PACE_MS = 150;

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '2' } } });
const rounds = Number(values.rounds);

const cleanUps: (() => unknown)[] = [];
const after = (cleanUp: () => unknown) => void cleanUps.push(cleanUp);
const startedMs = performance.now();
const say = (line: string) =>
  console.log(`${((performance.now() - startedMs) / 1_000).toFixed(0).padStart(5)} s  ${line}`);

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => void cleanUp().finally(() => process.exit(130)));
}
try {
  process.exitCode = await main();
} finally {
  await cleanUp();
}

async function cleanUp(): Promise<void> {
  for (const each of cleanUps.splice(0).toReversed()) await each();
}

async function main(): Promise<number> {
  const machine = thisMachine();
  console.log(`${machineText(machine)}, Node ${machine.node}`);
  const checkout = await checkOutRelease(await previousRelease());
  after(checkout.remove);
  say(`old: ${checkout.commit}, packages ${checkout.packages}`);
  const folders = { old: checkout.folder, new: join(import.meta.dirname, '..', '..') };
  const system = await startUpgradeSystem(folders, after);
  say(`old: ${await system.run('migrate', 'old')}`);
  await system.run('topics', 'old');
  const replicas = await startReplicas({ folders, settings: system.settings });
  after(replicas.stop);
  const clients = await startReleaseClients({
    folders,
    gateways: () => replicas.of('stream-gateway'),
    after,
  });
  const writes = startOrderWrites({ apis: () => replicas.of('api'), workers: WORKERS, paceMs: PACE_MS });
  after(writes.stop);
  const parts = {
    ...{ replicas, writes, clients, leaseHolders: system.leaseHolders },
    migrate: async () => say(`new: ${await system.run('migrate', 'new')}`),
    prepareTopics: async (release: Release) => say(`${release}: ${await system.run('topics', release)}`),
    onPhase: ({ what, releases }: Phase) => say(`${what} (${Object.values(releases).join(', ')})`),
  };
  const phases = await runUpgrade(parts, rounds);
  await writes.stop();
  const endedMs = performance.now();
  const log = await readWhenAllHave();
  const judged = { phases, endedMs, accepted: writes.accepted, clients, log };
  printFigures(figuresOf(judged));
  printWays(clients.streams, writes);
  const violations = [
    ...writes.faults.map((text) => ({ of: 'answers of the API', text })),
    ...violationsIn(judged, await committedChanges(system.databaseUrl)),
  ];
  printViolations(violations);
  return violations.length === 0 ? 0 : 1;

  async function readWhenAllHave() {
    const topic = { brokers: system.brokers, topic: ORDER_TOPIC };
    return await eventually(
      async () => {
        const read = await readTopicLog(topic);
        const behind = clients.watches.filter((watch) => !hasReadAll(watch.history(), read));
        const isBehind = clients.consumers.seenAtMs.size < writes.accepted.length;
        if (behind.length > 0 || isBehind) throw new Error('somebody has not read all');
        return read;
      },
      { deadlineMs: 120_000, intervalMs: 500 },
    ).catch(() => readTopicLog(topic));
  }
}
