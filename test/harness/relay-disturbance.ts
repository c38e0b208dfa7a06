import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { AppProcess } from '../../tools/stack/index.ts';
import { startApp } from './app-process.ts';
import type { SeededRandom } from './seeded-random.ts';

type State = 'starting' | 'running' | 'frozen' | 'ending' | 'ended';

interface Member {
  readonly name: string;
  readonly started: Promise<AppProcess>;
  app: AppProcess | undefined;
  state: State;
}

export type Disturbance = 'join' | 'leave' | 'kill' | 'freeze' | 'pause';

export interface DisturbanceOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly pool: pg.Pool;
  readonly random: SeededRandom;
  readonly leaseMs: number;
  readonly partitions: number;
  /** What is done, each as often as it is named; default: everything. */
  readonly disturbances?: readonly [Disturbance, ...Disturbance[]];
}

export interface RelayDisturbance {
  /** Does one thing to the relays, and does not wait for its effect. Throws when something has failed so far. */
  step(): void;
  /** Kills every relay that runs; the next step starts one. */
  killAll(): void;
  /** Wakes and resumes everything, sees to it that a relay runs, and requires that no relay has ended by itself. */
  settle(): Promise<void>;
  /** Stops all relays in order, and requires that each ends well. */
  end(): Promise<void>;
  /** How often each thing was done. */
  readonly counts: Readonly<Record<Disturbance, number>>;
  /** Writes what was done and what the relays said to files, and answers their directory. */
  writeLogs(): Promise<string>;
}

const MAX_RELAYS = 4;
const MAX_PAUSE_MS = 2_500;
const ALL: readonly [Disturbance, ...Disturbance[]] = ['join', 'join', 'leave', 'kill', 'freeze', 'pause'];

/** One to four relay processes to which things happen at random, several at the same time. */
export function disturbRelays(t: TestContext, options: DisturbanceOptions): RelayDisturbance {
  const { random, pool } = options;
  const members: Member[] = [];
  const counts = { join: 0, leave: 0, kill: 0, freeze: 0, pause: 0 };
  const history: string[] = [];
  const failures: string[] = [];
  /** Ends whatever was to last for a while. */
  const settling = new AbortController();
  const underWay = new Set<Promise<void>>();
  const startMs = performance.now();

  const note = (what: string) => history.push(`${Math.round(performance.now() - startMs)} ms: ${what}`);
  const inState = (...states: State[]) => members.filter(({ state }) => states.includes(state));
  const lasting = (ms: number) => delay(ms, undefined, { signal: settling.signal }).catch(() => undefined);

  function run(work: () => Promise<void>): void {
    const running = work().catch((error: unknown) => void failures.push(String(error)));
    underWay.add(running);
    void running.finally(() => underWay.delete(running));
  }

  async function join(): Promise<void> {
    const name = `relay ${members.length + 1}`;
    note(`${name} joins`);
    const member: Member = {
      name,
      started: startApp(t, 'relay', options.env),
      app: undefined,
      state: 'starting',
    };
    members.push(member);
    member.app = await member.started;
    member.state = 'running';
    void member.app.exited.then(({ code, signal }) => {
      if (member.state !== 'ending') failures.push(`${name} ended by itself: code ${code}, signal ${signal}`);
      member.state = 'ended';
    });
  }

  async function end(member: Member, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    note(`${member.name} gets ${signal}`);
    member.state = 'ending';
    member.app?.kill(signal);
    const exit = await member.app?.exited;
    if (signal === 'SIGTERM') assert.deepEqual(exit, { code: 0, signal: null }, `${member.name} left`);
  }

  async function freeze(member: Member): Promise<void> {
    // Mostly until after another relay has its partitions, sometimes for a moment only.
    const ms = options.leaseMs * (random.below(4) === 0 ? random.next() : 1.2 + random.next() * 1.5);
    note(`${member.name} is frozen for ${Math.round(ms)} ms`);
    member.state = 'frozen';
    member.app?.kill('SIGSTOP');
    await lasting(ms);
    if (member.state !== 'frozen') return;
    note(`${member.name} wakes`);
    member.state = 'running';
    member.app?.kill('SIGCONT');
  }

  async function pausePartition(): Promise<void> {
    const partition = random.below(options.partitions);
    const mode = random.pick(['paused', 'paused', 'draining']);
    note(`partition ${partition} is ${mode}`);
    await setMode(pool, partition, mode);
    await lasting(random.below(MAX_PAUSE_MS));
    await setMode(pool, partition, 'running');
    note(`partition ${partition} is resumed`);
  }

  // A relay that is still starting when the test fails would keep the process of the tests alive.
  t.after(async () => {
    settling.abort();
    await Promise.all(underWay);
    for (const { app } of members) app?.kill('SIGKILL');
  });

  function step(): void {
    assert.deepEqual(failures, []);
    const chosen = random.pick(options.disturbances ?? ALL);
    const alive = inState('starting', 'running', 'frozen');
    const [first, ...others] = inState('running');
    const [mortal, ...mortals] = inState('running', 'frozen');
    const wish = inState('starting', 'running').length === 0 ? 'join' : chosen;
    if (wish === 'join' && alive.length < MAX_RELAYS) run(join);
    else if (wish === 'leave' && first) run(() => end(random.pick([first, ...others]), 'SIGTERM'));
    else if (wish === 'kill' && mortal) run(() => end(random.pick([mortal, ...mortals]), 'SIGKILL'));
    else if (wish === 'freeze' && first) run(() => freeze(random.pick([first, ...others])));
    else if (wish === 'pause') run(pausePartition);
    else return;
    counts[wish] += 1;
  }

  return {
    step,
    killAll() {
      for (const member of inState('running', 'frozen')) {
        run(() => end(member, 'SIGKILL'));
        counts.kill += 1;
      }
    },
    counts,
    async settle() {
      settling.abort();
      await Promise.all(underWay);
      if (inState('running').length === 0) await join();
      assert.deepEqual(failures, []);
    },
    async end() {
      await Promise.all(inState('running').map((member) => end(member, 'SIGTERM')));
      assert.deepEqual(failures, []);
    },
    async writeLogs() {
      const directory = await mkdtemp(path.join(tmpdir(), 'relay-disturbance-'));
      await writeFile(path.join(directory, 'history.txt'), history.join('\n'));
      for (const { name, app } of members) {
        const lines = app?.logs().map((line) => JSON.stringify(line)) ?? [];
        await writeFile(path.join(directory, `${name.replace(' ', '-')}.log`), lines.join('\n'));
      }
      return directory;
    },
  };
}

/** What outboxctl does to pause, drain or resume a partition. */
async function setMode(pool: pg.Pool, partition: number, mode: string): Promise<void> {
  await pool.query(
    `WITH changed AS (UPDATE relay_partition SET mode = $2 WHERE partition = $1 RETURNING partition)
     SELECT pg_notify('relay_ownership', '') FROM changed`,
    [partition, mode],
  );
}
