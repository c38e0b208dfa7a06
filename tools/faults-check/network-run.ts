import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { FigureRow } from '../bench/figure-table.ts';
import { rowOf } from './fault-row.ts';
import { isChosen, type RunListener } from './fault-run.ts';
import { type JudgedTraffic, startJudgedTraffic } from './judged-traffic.ts';
import { NETWORK_FAULTS, type NetworkFault } from './network-faults.ts';
import { type NetworkSystem, startNetworkSystem } from './network-system.ts';
import { untilSettled } from './settled.ts';
import { TOPIC } from './topic.ts';

/** Longer than a lease (3 s) and than the session of a consumer (10 s). */
const FAULT_MS = 12_000;

/** Runs those faults whose names have one of `chosen`; without any, all. */
export async function runNetworkFaults(chosen: readonly string[], listener: RunListener): Promise<void> {
  listener.say(
    'starting PostgreSQL, Kafka, one API, two relays and two gateways, each in a network namespace',
  );
  const system = await startNetworkSystem();
  const pool = new pg.Pool({ connectionString: system.databaseUrl, max: 1 });
  pool.on('error', () => undefined);
  let traffic: JudgedTraffic | undefined;
  try {
    traffic = await startJudgedTraffic({ ...system, topic: TOPIC });
    for (const fault of NETWORK_FAULTS) {
      if (!isChosen(fault.name, chosen)) continue;
      await untilSettled(pool, traffic);
      await listener.onRow(await runFault(fault, system, traffic));
    }
    await untilSettled(pool, traffic);
  } finally {
    await traffic?.stop();
    await pool.end();
    await system.stop();
  }
}

async function runFault(
  fault: NetworkFault,
  system: NetworkSystem,
  traffic: JudgedTraffic,
): Promise<FigureRow> {
  const gateway = traffic.watchedGateway() === 0 ? 'gateway-1' : 'gateway-2';
  let fired = { delayed: 0, dropped: 0, connections: 0 };
  const verdict = await traffic.judge(async () => {
    await system.network.setRules(fault.rules(gateway));
    await pause(FAULT_MS);
    fired = await system.network.setRules([]);
  });
  system.assertAlive();
  const packets = fired.delayed + fired.dropped;
  const what = fired.dropped > 0 ? 'lost' : 'late';
  return rowOf(fault.name, packets, `${packets} packets ${what}, ${fired.connections} connections`, verdict);
}
