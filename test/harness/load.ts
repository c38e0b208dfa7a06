import type { TestContext } from 'node:test';
import { type OrderLoad, type OrderLoadOptions, startOrderLoad } from '../../tools/load/order-load.ts';
import {
  type ResumingWatch,
  type ResumingWatchOptions,
  startResumingWatch,
} from '../../tools/load/resuming-watch.ts';
import { TEST_CLIENT } from './test-access.ts';

/** An order load that ends with the test at the latest, so that a failed test does not go on placing orders for ever. */
export function startLoad(t: TestContext, options: OrderLoadOptions): OrderLoad {
  const load = startOrderLoad({ ...TEST_CLIENT, ...options });
  t.after(() => load.stop());
  return load;
}

/** A subscriber that ends with the test at the latest. */
export function startWatch(t: TestContext, options: ResumingWatchOptions): ResumingWatch {
  const watch = startResumingWatch({ ...TEST_CLIENT, ...options });
  t.after(() => watch.stop());
  return watch;
}
