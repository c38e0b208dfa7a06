import { notified } from '../../src/ownership/ownership-events.ts';
import type { Holding } from '../../src/ownership/ownership-state.ts';
import { rowOf, type Row, update } from './tables.ts';
import {
  carryOut,
  downRelay,
  drain,
  hear,
  publishes,
  type Relay,
  type Rules,
  requestOf,
  stop,
  TICK_MS,
  UNDER_WAY_MS,
  type World,
} from './world.ts';

/** One thing that may happen next, with a name for the trace. */
export type Step = readonly [name: string, next: World];

/** As far as publishing goes by itself: one checkpoint must be able to differ from another. */
const LAST_POSITION = 1n;
const STARTS_AGAIN = 1;

/** Everything that may happen next. */
export function nextSteps(world: World, rules: Rules): Step[] {
  const steps: Step[] = [['a second passes', passTime(world)]];
  for (const [index, relay] of world.relays.entries()) {
    const become = (next: Relay, change: Partial<World> = {}): World => ({
      ...world,
      ...change,
      relays: world.relays.with(index, next),
    });
    if (relay.isUp) {
      steps.push(
        ...ownSteps(world, rules, relay, become),
        ...lookSteps(world, rules, relay, become),
        ...slowSteps(world, rules, relay, become),
        ...faults(world, rules, relay, become),
      );
    } else if (relay.id.length <= 1 + STARTS_AGAIN) {
      steps.push([`${relay.id} joins`, become({ ...relay, isUp: true })]);
    }
  }
  steps.push(...lateSteps(world, rules), ...wishes(world), ...locks(world));
  return steps.map(([name, next]) => [name, published(next)]);
}

type Become = (next: Relay, change?: Partial<World>) => World;

/** What a relay does by itself, in no time. */
export function ownSteps(world: World, rules: Rules, relay: Relay, become: Become): Step[] {
  const { nowMs } = world;
  const steps: Step[] = [];
  const request = relay.sent ? undefined : rules.nextRequest(relay.state, rules.times, nowMs);
  if (request?.kind === 'end') steps.push([`${relay.id} ends`, become(downRelay(`${relay.id}'`))]);
  else if (request && request.kind !== 'wait') {
    const sent = requestOf(relay, request, nowMs);
    const [tables, answer] = carryOut(rules.tables, world.tables, sent, nowMs);
    steps.push([
      `${relay.id}: ${request.kind}`,
      become(hear(rules, relay, { ...sent, answer }, nowMs), { tables }),
    ]);
  }
  for (const [partition, holding] of relay.state.holdings) {
    if (isDraining(holding)) {
      steps.push([`${relay.id} drained ${partition}`, become(drain(relay, partition))]);
    }
    const progress = relay.progress.get(partition);
    if (progress && progress.position < LAST_POSITION && publishes(relay, partition, nowMs)) {
      const further = new Map(relay.progress).set(partition, {
        ...progress,
        position: progress.position + 1n,
      });
      steps.push([`${relay.id} gets on with ${partition}`, become({ ...relay, progress: further })]);
    }
  }
  return steps;
}

function isDraining({ leaving }: Holding): boolean {
  return leaving !== undefined && !leaving.drained;
}

/** A relay at rest was told to look at the tables. */
function lookSteps(world: World, rules: Rules, relay: Relay, become: Become): Step[] {
  const { nowMs } = world;
  if (relay.sent || rules.nextRequest(relay.state, rules.times, nowMs).kind !== 'wait') return [];
  const told = { ...relay, state: notified(relay.state) };
  return ownSteps(world, rules, told, become).slice(0, 1);
}

/** A request that takes its time: it may reach the tables late, or never, and so may its answer. */
function slowSteps(world: World, rules: Rules, relay: Relay, become: Become): Step[] {
  const { left, nowMs, late } = world;
  const { sent, ...rest } = relay;
  if (!sent) {
    const request = rules.nextRequest(relay.state, rules.times, nowMs);
    if (request.kind === 'wait' || request.kind === 'end' || left.delays === 0) return [];
    const change = { left: { ...left, delays: left.delays - 1 } };
    const next = { ...relay, sent: requestOf(relay, request, nowMs) };
    return [[`${relay.id} sends ${request.kind}`, become(next, change)]];
  }
  const { kind } = sent.request;
  if (sent.answer) {
    return [
      [`${relay.id} hears ${kind}`, become(hear(rules, rest, sent, nowMs))],
      [`${relay.id} misses the answer to ${kind}`, become(rest)],
    ];
  }
  const [tables, answer] = carryOut(rules.tables, world.tables, sent, nowMs);
  return [
    [`${relay.id}'s ${kind} arrives`, become({ ...relay, sent: { ...sent, answer } }, { tables })],
    [`${relay.id} waits no more for ${kind}`, become(rest, { late: [...late, sent] })],
  ];
}

/** What happens to a relay. */
function faults(world: World, rules: Rules, relay: Relay, become: Become): Step[] {
  const { left, late } = world;
  const { sent } = relay;
  const steps: Step[] = [];
  if (left.crashes > 0) {
    const change = { left: { ...left, crashes: left.crashes - 1 } };
    const waiting = sent && !sent.answer ? { ...change, late: [...late, sent] } : change;
    const { underWayUntilMs } = relay;
    steps.push([`${relay.id} is killed`, become({ ...downRelay(`${relay.id}'`), underWayUntilMs }, waiting)]);
  }
  if (left.stops > 0 && !relay.state.stopping) {
    const change = { left: { ...left, stops: left.stops - 1 } };
    steps.push([`${relay.id} is stopped`, become(stop(rules, relay, world.nowMs), change)]);
  }
  if (relay.reach === 'cut off') {
    steps.push([`${relay.id} reaches Kafka again`, become({ ...relay, reach: 'steady' })]);
  } else if (left.cuts > 0) {
    const change = { left: { ...left, cuts: left.cuts - 1 } };
    steps.push([`${relay.id} is cut off from Kafka`, become({ ...relay, reach: 'cut off' }, change)]);
  }
  return steps;
}

/** A request arrives that nobody waits for. */
function lateSteps(world: World, rules: Rules): Step[] {
  return world.late.map((sent, index) => {
    const [tables] = carryOut(rules.tables, world.tables, sent, world.nowMs);
    return [
      `${sent.owner}'s ${sent.request.kind} arrives late`,
      { ...world, tables, late: world.late.toSpliced(index, 1) },
    ];
  });
}

/** What an operator may ask for. */
function wishes(world: World): Step[] {
  if (world.left.wishes === 0) return [];
  const left = { ...world.left, wishes: world.left.wishes - 1 };
  const modes: readonly Row['mode'][] = ['running', 'draining', 'paused'];
  return modes
    .filter((mode) => rowOf(world.tables.rows, 0).mode !== mode)
    .map((mode) => {
      const rows = [...world.tables.rows];
      update(rows, 0, { mode });
      return [`partition 0 shall be ${mode}`, { ...world, left, tables: { ...world.tables, rows } }];
    });
}

/** Somebody locks the row of partition 0 for himself, and ends that. */
function locks(world: World): Step[] {
  const { isLocked } = rowOf(world.tables.rows, 0);
  if (!isLocked && world.left.locks === 0) return [];
  const rows = [...world.tables.rows];
  update(rows, 0, { isLocked: !isLocked });
  const left = isLocked ? world.left : { ...world.left, locks: world.left.locks - 1 };
  const name = isLocked ? 'the row of 0 is unlocked' : 'the row of 0 is locked';
  return [[name, { ...world, left, tables: { ...world.tables, rows } }]];
}

/** Until the end of the second, or of its leases, each relay goes on publishing. */
export function passTime(world: World): World {
  const nowMs = world.nowMs + TICK_MS;
  const relays = world.relays.map((relay) => {
    const underWayUntilMs = new Map(relay.underWayUntilMs);
    for (const [partition, { validUntilMs }] of relay.state.holdings) {
      if (!publishes(relay, partition, world.nowMs)) continue;
      underWayUntilMs.set(partition, Math.min(validUntilMs, nowMs) + UNDER_WAY_MS);
    }
    return { ...relay, underWayUntilMs };
  });
  return { ...world, nowMs, relays };
}

/** Every relay publishes what it may. */
export function published(world: World): World {
  const { nowMs } = world;
  const epochs = [...world.publishedEpochs];
  const relays = world.relays.map((relay) => {
    const underWayUntilMs = new Map([...relay.underWayUntilMs].filter(([, untilMs]) => untilMs > nowMs));
    for (const [partition, { epoch }] of relay.state.holdings) {
      if (!publishes(relay, partition, nowMs)) continue;
      underWayUntilMs.set(partition, nowMs + UNDER_WAY_MS);
      if (epoch > (epochs[partition] ?? 0n)) epochs[partition] = epoch;
    }
    return { ...relay, underWayUntilMs };
  });
  return { ...world, relays, publishedEpochs: epochs };
}
