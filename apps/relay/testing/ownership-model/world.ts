import type { AcquiredLease, KafkaStanding, LeaseRenewal, OwnershipView } from '@order-events/outbox';
import { kafkaStanding } from '../../src/ownership/give-way.ts';
import type { KafkaReach } from '../../src/ownership/kafka-reach.ts';
import { nextRequest } from '../../src/ownership/next-request.ts';
import {
  acquired,
  drained,
  gaveBack,
  looked,
  renewed,
  stopped,
  type Transition,
} from '../../src/ownership/ownership-events.ts';
import {
  mayPublish,
  OWNERSHIP_AT_START,
  type Ownership,
  type OwnershipRequest,
  type OwnershipTimes,
} from '../../src/ownership/ownership-state.ts';
import {
  acquire,
  checkpointAt,
  LEASE_MS,
  look,
  release,
  renew,
  type Row,
  TABLE_RULES,
  type TableRules,
  type Tables,
} from './tables.ts';

/*
 * Relays that run the real state machine against a model of the tables, as one immutable value. A relay that takes no step while
 * time passes is a frozen one; a relay publishes whenever it may.
 */

export const TICK_MS = 1000;
/** For how long a record may be under way after it was sent. */
export const UNDER_WAY_MS = 1000;

export interface Rules {
  readonly tables: TableRules;
  readonly times: OwnershipTimes;
  /** From when on a relay counts its lease. */
  readonly leaseFromMs: (sent: Sent, heardAtMs: number) => number;
  readonly nextRequest: typeof nextRequest;
  readonly renewed: typeof renewed;
  readonly looked: typeof looked;
}

export const RULES: Rules = {
  tables: TABLE_RULES,
  times: {
    leaseMs: LEASE_MS,
    safetyMarginMs: UNDER_WAY_MS,
    renewIntervalMs: TICK_MS,
    // Looks are steps of their own: a notification may come at any time, or never.
    lookIntervalMs: 1_000_000,
    drainMs: 2 * TICK_MS,
  },
  leaseFromMs: ({ sentAtMs }) => sentAtMs,
  nextRequest,
  renewed,
  looked,
};

type DatabaseRequest = Exclude<OwnershipRequest, { kind: 'wait' | 'end' }>;
type Answer =
  | { readonly kind: 'view'; readonly view: OwnershipView }
  | { readonly kind: 'leases'; readonly leases: readonly AcquiredLease[] }
  | { readonly kind: 'released'; readonly partitions: ReadonlySet<number> };

/** A request between a relay and the tables; `answer` once the tables have carried it out. */
export interface Sent {
  readonly owner: string;
  readonly request: DatabaseRequest;
  readonly renewals: readonly LeaseRenewal[];
  readonly alive: boolean;
  readonly sentAtMs: number;
  readonly reach: KafkaReach;
  readonly kafka: KafkaStanding;
  readonly answer?: Answer;
}

interface Progress {
  readonly position: bigint;
  readonly hasWindow: boolean;
}

export interface Relay {
  readonly id: string;
  readonly isUp: boolean;
  readonly state: Ownership;
  readonly sent?: Sent;
  readonly reach: KafkaReach;
  /** How far it published each of its partitions. */
  readonly progress: ReadonlyMap<number, Progress>;
  /** Until when records that it sent may still arrive. */
  readonly underWayUntilMs: ReadonlyMap<number, number>;
}

export interface World {
  readonly nowMs: number;
  readonly tables: Tables;
  readonly relays: readonly Relay[];
  /** Requests that their relay waits for no more, and that may still reach the tables. */
  readonly late: readonly Sent[];
  /** The newest epoch in which each partition was published. */
  readonly publishedEpochs: readonly bigint[];
  /** How much may still go wrong, and be asked for by operators. */
  readonly left: Readonly<Record<'crashes' | 'delays' | 'stops' | 'wishes' | 'locks' | 'cuts', number>>;
}

export function worldAtStart(options: {
  relays: number;
  partitions: number;
  hasWindow?: boolean;
  left: World['left'];
}): World {
  const row: Row = {
    owner: undefined,
    epoch: 0n,
    leaseUntilMs: 0,
    mode: 'running',
    hasWindow: options.hasWindow ?? false,
    position: 0n,
    isLocked: false,
  };
  return {
    nowMs: 100 * TICK_MS,
    tables: {
      rows: Array.from({ length: options.partitions }, () => row),
      heartbeats: new Map(),
      standings: new Map(),
    },
    relays: Array.from({ length: options.relays }, (_, index) => downRelay(String.fromCharCode(65 + index))),
    late: [],
    publishedEpochs: Array.from({ length: options.partitions }, () => 0n),
    left: options.left,
  };
}

/** Each process has an id of its own: a relay that starts again is another one. */
export function downRelay(id: string): Relay {
  return {
    id,
    isUp: false,
    state: OWNERSHIP_AT_START,
    reach: 'steady',
    progress: new Map(),
    underWayUntilMs: new Map(),
  };
}

export function requestOf(relay: Relay, request: DatabaseRequest, nowMs: number): Sent {
  const renewals = request.leases.flatMap((lease) => {
    const progress = relay.progress.get(lease.partition);
    const checkpoint = progress
      ? checkpointAt(progress.position, progress.hasWindow)
      : relay.state.holdings.get(lease.partition)?.inherited;
    return checkpoint ? [{ ...lease, checkpoint }] : [];
  });
  const { state, reach } = relay;
  return {
    ...{ owner: relay.id, request, renewals, reach },
    alive: !state.stopping,
    kafka: kafkaStanding(state.gaveWay, reach),
    sentAtMs: nowMs,
  };
}

/** The tables carry a request out. */
export function carryOut(rules: TableRules, tables: Tables, sent: Sent, nowMs: number): [Tables, Answer] {
  const asker = { owner: sent.owner, nowMs };
  const { request, renewals, alive, kafka } = sent;
  switch (request.kind) {
    case 'renew': {
      const [next, view] = renew(rules, tables, asker, { renewals, alive, kafka });
      return [next, { kind: 'view', view }];
    }
    case 'look':
      return [tables, { kind: 'view', view: look(rules, tables, asker, request.leases) }];
    case 'acquire': {
      const { limit, leases: known } = request;
      const [next, leases] = acquire(rules, tables, asker, { limit, known });
      return [next, { kind: 'leases', leases }];
    }
    case 'release': {
      const { leaving } = request;
      const [next, partitions] = release(rules, tables, asker, { renewals, leaving });
      return [next, { kind: 'released', partitions }];
    }
  }
}

/** A relay hears the answer to its request. */
export function hear(rules: Rules, relay: Relay, heard: Sent, nowMs: number): Relay {
  const { request, answer } = heard;
  const { sent: _heard, ...rest } = relay;
  const asked = { leases: request.leases, sentAtMs: rules.leaseFromMs(heard, nowMs), reach: heard.reach };
  if (answer?.kind === 'view') {
    const answered = request.kind === 'renew' ? rules.renewed : rules.looked;
    return follow(rest, answered(relay.state, rules.times, asked, answer.view));
  }
  if (answer?.kind === 'leases') return follow(rest, acquired(relay.state, answer.leases));
  if (answer?.kind === 'released' && request.kind === 'release') {
    return follow(rest, gaveBack(relay.state, request, answer.partitions));
  }
  throw new Error(`no answer to ${request.kind}`);
}

/** Nothing of a partition is under way any more; a window that was waited for is done. */
export function drain(relay: Relay, partition: number): Relay {
  const holding = relay.state.holdings.get(partition);
  const progress = new Map(relay.progress);
  const underWayUntilMs = new Map(relay.underWayUntilMs);
  const reached = progress.get(partition);
  if (reached?.hasWindow && holding?.leaving?.until === 'window') {
    progress.set(partition, { position: reached.position + 1n, hasWindow: false });
  }
  underWayUntilMs.delete(partition);
  const drainedState = drained(relay.state, { partition, epoch: holding?.epoch ?? 0n });
  return follow({ ...relay, progress, underWayUntilMs }, drainedState);
}

export function stop(rules: Rules, relay: Relay, nowMs: number): Relay {
  return follow(relay, stopped(relay.state, rules.times, nowMs));
}

function follow(relay: Relay, { state, actions }: Transition): Relay {
  const progress = new Map(relay.progress);
  for (const action of actions) {
    if (action.kind === 'gain') {
      const { partition, checkpoint } = action.lease;
      progress.set(partition, {
        position: checkpoint.logOffset,
        hasWindow: checkpoint.cursor.page !== undefined,
      });
    } else if (action.kind !== 'drain') progress.delete(action.partition);
  }
  return { ...relay, state, progress };
}

export function publishes(relay: Relay, partition: number, nowMs: number): boolean {
  return relay.isUp && mayPublish(relay.state, partition, nowMs);
}
