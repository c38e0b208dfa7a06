import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below Linux's ephemeral range (32768 and up): a server that stops and starts again on its port must not find an outgoing connection there. */
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_767;
/**
 * Processes that run at the same time have different slices, mostly: a server takes seconds until it listens on the port that was found
 * for it, and nobody else may find the same one meanwhile.
 */
const SLICES = 64;
const SLICE_PORTS = Math.floor((HIGHEST_PORT - LOWEST_PORT + 1) / SLICES);
const lowestOfSlice = LOWEST_PORT + (process.pid % SLICES) * SLICE_PORTS;

/** Found by this process so far. */
const found = new Set<number>();

/** A TCP port of 127.0.0.1 that nothing listens on, and that this process was not told before while there are others. */
export async function findFreePort(): Promise<number> {
  if (found.size > SLICE_PORTS / 2) found.clear();
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    const port = lowestOfSlice + randomInt(SLICE_PORTS);
    if (found.has(port) || !(await isPortFree(port))) continue;
    found.add(port);
    return port;
  }
  throw new Error(`no free port found between ${lowestOfSlice} and ${lowestOfSlice + SLICE_PORTS - 1}`);
}

/** Whether nothing listens on this port of 127.0.0.1. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
