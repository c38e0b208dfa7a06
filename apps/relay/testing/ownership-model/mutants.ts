import { leaseIds } from '../../src/ownership/ownership-state.ts';
import { TABLE_RULES } from './tables.ts';
import { RULES, type Rules, type World } from './world.ts';

/** A way to get it wrong, and what must happen for it to show. */
export interface Mutant {
  readonly name: string;
  readonly rules: Rules;
  readonly left: Partial<World['left']>;
  /** Default 1. */
  readonly partitions?: number;
}

const withTables = (change: Partial<typeof TABLE_RULES>): Rules => ({
  ...RULES,
  tables: { ...TABLE_RULES, ...change },
});

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a renewal that checks neither owner nor epoch',
    rules: withTables({ isOurs: (row, _owner, { checkpoint }) => row.position <= checkpoint.logOffset }),
    left: {},
  },
  {
    name: 'a renewal that checks the owner and not the epoch',
    rules: withTables({
      isOurs: (row, owner, { checkpoint }) => row.owner === owner && row.position <= checkpoint.logOffset,
    }),
    left: { delays: 1 },
  },
  {
    name: 'a renewal that may be overtaken',
    rules: withTables({ isOurs: (row, owner, { epoch }) => row.owner === owner && row.epoch === epoch }),
    left: { delays: 1 },
  },
  {
    name: 'an acquisition that does not ask whether the lease is over',
    rules: withTables({ isFree: () => true }),
    left: {},
  },
  {
    name: 'a lease counted from the answer instead of from before the request',
    rules: { ...RULES, leaseFromMs: (_sent, heardAtMs) => heardAtMs },
    left: { delays: 1 },
  },
  {
    name: 'no margin for what is under way',
    rules: { ...RULES, times: { ...RULES.times, safetyMarginMs: 0 } },
    left: {},
  },
  {
    name: 'a lease that is kept although the renewal does not return it',
    rules: {
      ...RULES,
      renewed: (state, times, request, view) => RULES.renewed(state, times, { ...request, leases: [] }, view),
    },
    left: {},
  },
  {
    name: 'a lease that counts as renewed although its row was locked',
    rules: {
      ...RULES,
      renewed: (state, times, request, view) => RULES.renewed(state, times, request, { ...view, locked: [] }),
    },
    left: { locks: 1 },
  },
  {
    name: 'a partition given back before it is drained',
    rules: {
      ...RULES,
      nextRequest(state, times, nowMs) {
        const leases = leaseIds(state.holdings, ({ leaving }) => leaving !== undefined);
        if (leases.length === 0) return RULES.nextRequest(state, times, nowMs);
        return { kind: 'release', leases, leaving: state.stopping !== undefined };
      },
    },
    left: { stops: 1 },
  },
  {
    name: 'a relay that does not count the others',
    rules: {
      ...RULES,
      renewed: (state, times, request, view) =>
        RULES.renewed(state, times, request, { ...view, relays: 1, rank: 0 }),
    },
    left: {},
    partitions: 2,
  },
  {
    name: 'a relay that is cut off from Kafka and does not give way',
    rules: {
      ...RULES,
      renewed: (state, times, request, view) =>
        RULES.renewed(state, times, { ...request, reach: 'unsteady' }, view),
    },
    left: { cuts: 1 },
  },
  {
    name: 'a relay that gives way although nobody else is there to publish',
    rules: {
      ...RULES,
      renewed: (state, times, request, view) =>
        RULES.renewed(state, times, request, { ...view, relays: 2, steady: 1 }),
    },
    left: { cuts: 2 },
  },
];
