import assert from 'node:assert/strict';
import { eventually } from '../../test/harness/eventually.ts';
import type { OrderWrites } from './order-writes.ts';
import { type ReleaseClients, type Sight, versionKey } from './release-clients.ts';
import { type Kind, KINDS, type Release, type Replicas } from './replicas.ts';

/** A time in which the same releases were at work. */
export interface Phase {
  readonly what: string;
  /** Of each kind of process: `old`, `new`, or `old + new`. */
  readonly releases: Readonly<Record<Kind, string>>;
  readonly fromMs: number;
  readonly kills: number;
}

export interface UpgradeParts {
  readonly replicas: Replicas;
  readonly writes: OrderWrites;
  readonly clients: ReleaseClients;
  /** Process ids in the names of those who hold leases. */
  readonly leaseHolders: () => Promise<number[]>;
  readonly migrate: () => Promise<void>;
  /** The topics job of a release. */
  readonly prepareTopics: (release: Release) => Promise<void>;
  readonly onPhase: (phase: Phase) => void;
}

/** Which kind of process goes first must not matter. */
const ORDERS: readonly (readonly Kind[])[] = [KINDS, KINDS.toReversed()];
const CHANGES_OF_A_STEP = 60;
const STEP_DEADLINE_MS = 300_000;

/**
 * From all old to all new and back, in one order and, in a second round, in the other one, with kills in each pair. Answers what was at
 * work when.
 */
export async function runUpgrade(parts: UpgradeParts, rounds: number): Promise<Phase[]> {
  const phases: Phase[] = [];
  const begin = (what: string, mixed?: Kind): void => {
    const releaseOf = (kind: Kind) =>
      kind === mixed ? 'old + new' : (parts.replicas.of(kind)[0]?.release ?? '');
    const releases = {
      api: releaseOf('api'),
      relay: releaseOf('relay'),
      'stream-gateway': releaseOf('stream-gateway'),
    };
    const phase = { what, releases, fromMs: performance.now(), kills: mixed ? KILLS : 0 };
    phases.push(phase);
    parts.onPhase(phase);
  };
  begin('the schema before');
  await settle(parts);
  begin('migrated under load');
  await parts.migrate();
  await settle(parts);
  for (let round = 0; round < rounds; round += 1) {
    for (const release of ['new', 'old'] as const) {
      for (const kind of ORDERS[round % ORDERS.length] ?? []) {
        begin(`${kind} to ${release}`, kind);
        await replaceBoth(parts, kind, release);
      }
      begin(`all ${release}`);
      await parts.prepareTopics(release);
      await settle(parts);
    }
  }
  return phases;
}

const KILLS = 2;

/** One after the other; in between both releases work side by side, and one of each is killed. */
async function replaceBoth(parts: UpgradeParts, kind: Kind, release: Release): Promise<void> {
  const { replicas } = parts;
  await replicas.replace(kind, 0, release);
  await settle(parts);
  for (const index of [1, 0]) {
    await replicas.kill(kind, index);
    await settle(parts);
  }
  await replicas.replace(kind, 1, release);
}

/** Until each process has done its work since now, and all that was accepted has reached everybody. */
async function settle({ replicas, writes, clients, leaseHolders }: UpgradeParts): Promise<void> {
  const from = writes.accepted.length;
  const streamsBefore = clients.streams.length;
  const target = from + CHANGES_OF_A_STEP;
  const sights = [...clients.watchers, clients.consumers];
  const seenUpTo = new Map<Sight, number>();
  await eventually(
    async () => {
      assert.ok(writes.accepted.length >= target, 'changes are accepted');
      const since = writes.accepted.slice(from);
      for (const { pid, address } of replicas.of('api')) {
        assert.ok(
          since.some((write) => write.pid === pid),
          `the API at ${address} accepts changes`,
        );
      }
      const begun = clients.streams.slice(streamsBefore);
      for (const { pid, address } of replicas.of('stream-gateway')) {
        assert.ok(
          begun.some((stream) => stream.pid === pid),
          `streams begin at the gateway at ${address}`,
        );
      }
      const holders = new Set(await leaseHolders());
      assert.deepEqual(
        holders,
        new Set(replicas.of('relay').map(({ pid }) => pid)),
        'the relays share the partitions',
      );
      for (const sight of sights)
        assert.ok(hasSeen(sight, target), `${sight.name} have all that was accepted`);
    },
    { deadlineMs: STEP_DEADLINE_MS, intervalMs: 200 },
  );

  /** Goes on from where it stood when it was asked last. */
  function hasSeen(sight: Sight, end: number): boolean {
    let index = seenUpTo.get(sight) ?? 0;
    for (; index < end; index += 1) {
      const write = writes.accepted[index];
      if (!write || !sight.seenAtMs.has(versionKey(write.orderId, write.version))) break;
    }
    seenUpTo.set(sight, index);
    return index >= end;
  }
}
