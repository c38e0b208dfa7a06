import pg from 'pg';
import { eventually } from '../../test/harness/eventually.ts';
import type { FigureRow } from '../bench/figure-table.ts';
import { createClockChecks, type ClockChecks } from './clock-checks.ts';
import { CLOCK_FAULTS, type ClockFault } from './clock-faults.ts';
import { type ClockedApp, startClockSystem } from './clock-system.ts';
import { rowOf } from './fault-row.ts';
import { isChosen, type RunListener } from './fault-run.ts';
import { type JudgedTraffic, startJudgedTraffic } from './judged-traffic.ts';
import { TOPIC } from './topic.ts';
import { untilSettled } from './settled.ts';

const ALL_SCOPES = 'orders:read orders:write orders:watch orders:consume';
/** An hour ahead they are still good. */
const TOKEN_LIFE_SECONDS = 6 * 3600;
/** A process reads its clock anew each second, and the Date of an answer has no fractions. */
const SEEN_WITHIN_SECONDS = 3;

/** Runs those faults whose names have one of `chosen`; without any, all. */
export async function runClockFaults(chosen: readonly string[], listener: RunListener): Promise<void> {
  listener.say(
    'starting PostgreSQL, Kafka, one API, two relays and two gateways, each with a clock of its own',
  );
  const system = await startClockSystem();
  const pool = new pg.Pool({ connectionString: system.databaseUrl, max: 2 });
  pool.on('error', () => undefined);
  let traffic: JudgedTraffic | undefined;
  try {
    const exp = Math.floor(Date.now() / 1000) + TOKEN_LIFE_SECONDS;
    const made = await system.issuer.token({ exp, scope: ALL_SCOPES, subscriptions: ['*'] });
    const token = () => Promise.resolve(made);
    const checks = createClockChecks(system, pool, token);
    const { databaseUrl, brokers, api, gateways } = system;
    traffic = await startJudgedTraffic({
      ...{ databaseUrl, brokers, topic: TOPIC, token, listener: checks.listener, rejectOneOf: 50 },
      apiUrl: api.app.urls.http,
      gateways: gateways.map(({ app }) => app.urls.grpc),
    });
    const [relay, gateway] = [system.relays[0] ?? api, gateways[0] ?? api];
    for (const [name, victim] of Object.entries({ api, relay, gateway })) {
      for (const fault of CLOCK_FAULTS) {
        const title = `clock of ${name}: ${fault.name}`;
        if (!isChosen(title, chosen)) continue;
        await untilSettled(pool, traffic);
        await listener.onRow(await runFault(title, fault, victim, checks, traffic));
      }
      await victim.clock.set(0);
    }
  } finally {
    await traffic?.stop();
    await pool.end();
    await system.stop();
  }
}

async function runFault(
  title: string,
  fault: ClockFault,
  victim: ClockedApp,
  checks: ClockChecks,
  traffic: JudgedTraffic,
): Promise<FigureRow> {
  await victim.clock.set(fault.before);
  await untilClockIs(victim, fault.before);
  await checks.beginRound();
  let seen = 0;
  const verdict = await traffic.judge(async () => {
    await fault.inject(victim.clock);
    seen = await untilClockIs(victim, fault.after);
  });
  const wrong = await checks.faults(victim, fault.after);
  const fired = `its answers are dated ${seen} s from now`;
  return rowOf(title, 1, fired, verdict, wrong);
}

/** What the process itself says that its clock is off by: the Date of an answer of its admin port. */
async function untilClockIs({ app }: ClockedApp, aheadSeconds: number): Promise<number> {
  return eventually(async () => {
    const answer = await fetch(`${app.urls.admin}/livez`);
    const saidMs = Date.parse(answer.headers.get('date') ?? '');
    const seen = Math.round((saidMs - Date.now()) / 1000);
    if (!(Math.abs(seen - aheadSeconds) <= SEEN_WITHIN_SECONDS)) throw new Error(`it is ${seen} s ahead`);
    return seen;
  });
}
