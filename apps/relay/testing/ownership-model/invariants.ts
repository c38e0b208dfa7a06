import { rowOf } from './tables.ts';
import { publishes, UNDER_WAY_MS, type World } from './world.ts';

/** What is wrong with a world; undefined when nothing is. */
export function brokenRule(world: World): string | undefined {
  for (const [partition, row] of world.tables.rows.entries()) {
    const publishers = world.relays.filter((relay) => publishes(relay, partition, world.nowMs));
    const [publisher, ...others] = publishers;
    if (others.length > 0) return `${publishers.map(({ id }) => id).join(' and ')} publish ${partition}`;
    const underWay = world.relays.filter(
      (relay) => relay !== publisher && (relay.underWayUntilMs.get(partition) ?? 0) > world.nowMs,
    );
    if (publisher && underWay.length > 0) {
      return `${publisher.id} publishes ${partition} while records of ${underWay[0]?.id} are under way`;
    }
    if (row.owner === undefined && (publisher || underWay.length > 0)) {
      return `nobody owns ${partition}, and records of ${(publisher ?? underWay[0])?.id} are under way`;
    }
    if (!publisher) continue;
    if (row.owner !== publisher.id) return `${publisher.id} publishes ${partition} of ${row.owner}`;
    if (row.leaseUntilMs < (publisher.state.holdings.get(partition)?.validUntilMs ?? 0) + UNDER_WAY_MS) {
      return `${publisher.id} believes that its lease of ${partition} lasts longer than it does`;
    }
    const epoch = publisher.state.holdings.get(partition)?.epoch ?? 0n;
    if (epoch < (world.publishedEpochs[partition] ?? 0n)) {
      return `${publisher.id} publishes ${partition} in epoch ${epoch} after a newer one`;
    }
  }
  return undefined;
}

/** What is wrong with a step; undefined when nothing is. */
export function brokenStep(before: World, after: World): string | undefined {
  for (const [partition, row] of before.tables.rows.entries()) {
    const next = rowOf(after.tables.rows, partition);
    if (next.epoch < row.epoch) return `the epoch of ${partition} goes back`;
    if (next.position < row.position) return `the checkpoint of ${partition} goes back`;
    const isTaken = next.owner !== undefined && next.owner !== row.owner;
    if (isTaken && next.epoch === row.epoch) return `${partition} has another owner in the same epoch`;
    if (isTaken && row.mode === 'paused') return `${partition} is paused and taken`;
    if (isTaken && row.mode === 'draining' && !row.hasWindow) return `${partition} is drained and taken`;
  }
  return undefined;
}
