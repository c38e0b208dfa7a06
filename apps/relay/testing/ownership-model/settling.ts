import { mayBeOwned } from './tables.ts';
import { ownSteps, passTime, published } from './steps.ts';
import { publishes, type Rules, TICK_MS, type World } from './world.ts';
import { LEASE_MS } from './tables.ts';

/** After this time without faults, every partition is owned: the longest lease, one look, and one second to be granular. */
const SETTLED_MS = LEASE_MS + 2 * TICK_MS;

/**
 * Lets the relays that are up go on without a fault, and answers what is wrong after a while: a partition without an owner that
 * publishes, unequal shares, or something that still moves. Undefined when nothing is.
 */
export function settleFairly(world: World, rules: Rules): string | undefined {
  let settled: World = {
    ...world,
    tables: { ...world.tables, rows: world.tables.rows.map((row) => ({ ...row, isLocked: false })) },
    late: [],
    relays: world.relays.map(({ sent: _lost, ...relay }) => relay),
  };
  const untilMs = world.nowMs + SETTLED_MS;
  while (settled.nowMs < untilMs) settled = published(passTime(goOn(settled, rules)));
  settled = goOn(settled, rules);
  const alive = settled.relays.filter(({ isUp }) => isUp);
  if (alive.length === 0) return undefined;
  const isReached = alive.some(({ reach }) => reach === 'steady');
  const idle = alive.filter(({ reach, state }) => reach === 'cut off' && state.holdings.size > 0);
  if (isReached && idle.length > 0) return `${idle.map(({ id }) => id).join()} cannot publish what it keeps`;
  const relays = alive.filter(({ state }) => !state.gaveWay);
  const shares = relays.map(({ state }) => state.holdings.size);
  const available = settled.tables.rows.filter(mayBeOwned).length;
  if (Math.max(...shares) - Math.min(...shares) > 1) return `shares stay at ${shares.join()}`;
  const owned = [...settled.tables.rows.keys()].filter((partition) =>
    relays.some((relay) => publishes(relay, partition, settled.nowMs)),
  );
  if (owned.length !== available) return `only ${owned.join()} published after ${SETTLED_MS} ms`;
  const later = goOn(published(passTime(settled)), rules);
  if (owners(later) !== owners(settled)) return `${owners(settled)} moved to ${owners(later)}`;
  return undefined;
}

function owners({ tables }: World): string {
  return tables.rows.map(({ owner, epoch }) => `${owner}/${epoch}`).join();
}

/** Every relay does all that it can do without time passing. */
function goOn(world: World, rules: Rules): World {
  let current = world;
  for (let turn = 0; turn < 1000; turn++) {
    const step = firstStep(current, rules);
    if (!step) return current;
    current = published(step);
  }
  throw new Error('the relays do not come to rest');
}

function firstStep(world: World, rules: Rules): World | undefined {
  for (const [index, relay] of world.relays.entries()) {
    if (!relay.isUp) continue;
    const become = (next: typeof relay, change: Partial<World> = {}): World => ({
      ...world,
      ...change,
      relays: world.relays.with(index, next),
    });
    const [step] = ownSteps(world, rules, relay, become);
    if (step) return step[1];
  }
  return undefined;
}
