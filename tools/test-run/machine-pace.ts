import { createHash } from 'node:crypto';

/** What `fixedWork` took on the machine that the limits were chosen on: 2 quiet cores. */
const REFERENCE_MS = 100;

/**
 * How many times as long as on the quiet machine of reference a piece of work takes here and now, at least 1. Whatever else runs at
 * this moment counts, so ask again when it matters. Blocks for about a tenth of a second times the answer.
 */
export function measureMachinePace(): number {
  fixedWork(0.1);
  const startMs = performance.now();
  fixedWork(1);
  return Math.max(1, (performance.now() - startMs) / REFERENCE_MS);
}

/** Hashing and JSON: what the tests' processes are busy with, in native code and in the interpreter. */
function fixedWork(share: number): void {
  const block = Buffer.alloc(64 * 1024, 'order');
  let document: unknown = { events: [] };
  for (let round = 0; round < 1500 * share; round += 1) {
    const digest = createHash('sha256').update(block).digest('hex');
    document = JSON.parse(
      JSON.stringify({ digest, events: Array.from(digest, (sku) => ({ sku, document: null })) }),
    );
  }
  if (document === null) throw new Error('unreachable');
}
