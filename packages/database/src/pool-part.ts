import { createClosingPart, type Part, settleWithin } from '@order-events/runtime';
import type { Pool } from 'pg';

/** A connection that answers no more is not waited for. */
const END_MS = 2_000;

/** Closes the connections of a pool when everything that uses them has stopped. */
export function createPoolPart(name: string, pool: Pool): Part {
  return createClosingPart(name, async () => {
    // Ending a pool twice is an error.
    if (!pool.ending) await settleWithin(pool.end(), END_MS);
  });
}
