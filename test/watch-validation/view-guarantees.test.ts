import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ShownOrder,
  type TableVersion,
  type ViewFault,
  type ViewSample,
  viewViolations,
} from './view-guarantees.ts';

const PENDING = 'ORDER_STATUS_PENDING';
const SHIPPED = 'ORDER_STATUS_SHIPPED';

/** Order a is changed at 100 and 200, and leaves at 300; b is placed at 150; each commit takes 10 ms. */
const TABLE: readonly TableVersion[] = [
  { orderId: 'a', version: 1n, status: PENDING, afterMs: -Infinity, byMs: -Infinity },
  ...[100, 200].map((afterMs, index) => ({
    ...{ orderId: 'a', version: BigInt(index + 2), status: PENDING, afterMs, byMs: afterMs + 10 },
  })),
  { orderId: 'a', version: 4n, status: SHIPPED, afterMs: 300, byMs: 310 },
  { orderId: 'b', version: 1n, status: PENDING, afterMs: 150, byMs: 160 },
];

const shown = (version: number, status = PENDING): ShownOrder => ({ version: BigInt(version), status });
const sample = (throughMs: number, atMs: number, orders: Record<string, ShownOrder>): ViewSample => ({
  ...{ throughMs, atMs, orders: new Map(Object.entries(orders)) },
});
const faults = (...samples: ViewSample[]) =>
  viewViolations(TABLE, samples, (status) => status === PENDING).map(({ fault }) => fault);

const CORRECT: Readonly<Record<string, ViewSample>> = {
  'as it was at the beginning': sample(50, 90, { a: shown(1) }),
  'as it was before the change that is under way': sample(105, 106, { a: shown(1) }),
  'as it became with the change that is under way': sample(105, 106, { a: shown(2) }),
  'behind, as far as it says': sample(90, 290, { a: shown(1) }),
  'ahead of what it says': sample(90, 290, { a: shown(3), b: shown(1) }),
  'with orders of several instants': sample(120, 290, { a: shown(2), b: shown(1) }),
  'without one that has left': sample(310, 400, { b: shown(1) }),
  'without one that is leaving': sample(250, 301, { b: shown(1) }),
  'with one that is leaving': sample(250, 301, { a: shown(3), b: shown(1) }),
};

for (const [what, one] of Object.entries(CORRECT)) {
  test(`a view may be ${what}`, () => assert.deepEqual(faults(one), []));
}

const FLAWS: Readonly<Record<string, readonly [ViewFault, ViewSample]>> = {
  'misses an order': ['missing', sample(170, 180, { a: shown(2) })],
  'misses one that was changed meanwhile': ['missing', sample(170, 290, { b: shown(1) })],
  'delays a change': ['stale', sample(120, 130, { a: shown(1) })],
  'keeps one that has left': ['stale', sample(320, 330, { a: shown(3), b: shown(1) })],
  'shows one that does not match': ['foreign', sample(320, 330, { a: shown(4, SHIPPED), b: shown(1) })],
  'shows what is not committed': ['early', sample(120, 190, { a: shown(3), b: shown(1) })],
  'shows one that is not placed': ['early', sample(100, 140, { a: shown(2), b: shown(1) })],
  'shows what never was': ['unknown', sample(100, 120, { a: shown(2), c: shown(1) })],
  'shows another content': ['unknown', sample(120, 140, { a: shown(2, SHIPPED) })],
};

for (const [flaw, [fault, one]] of Object.entries(FLAWS)) {
  test(`it is seen when a view ${flaw}: ${fault}`, () => assert.ok(faults(one).includes(fault)));
}
